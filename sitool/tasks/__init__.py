"""Families of problems: `base.py` has the protocol, every other module one task."""
