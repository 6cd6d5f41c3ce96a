"""The terminal app: draws a `Look` and sends commands; it has no numbers of its own.

Nothing here imports torch, and nothing here computes: `app.py` holds the screens,
`desk.py` the thread that talks to the study.
"""
