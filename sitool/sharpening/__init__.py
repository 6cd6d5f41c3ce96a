"""Sharpening, measured on a round's held-out samples: what choosing by likelihood would bring.

Source: Huang et al., "Self-Improvement in Language Models: The Sharpening Mechanism",
arXiv 2412.01951, ICLR 2025.
"""
