"""The command line: the only part that prints.

`app.py` holds its commands, `screen.py` starts the terminal app without them.
"""
