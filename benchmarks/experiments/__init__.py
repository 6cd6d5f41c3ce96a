"""Published findings on self-verification and sharpening, tried on the built-in base.

`runs.py` runs studies and keeps what they came to; `report.py` puts it into tables;
`python -m benchmarks.experiments` does both.
"""
