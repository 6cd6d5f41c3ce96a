"""A study and its rounds, to look at: what `sitool.client.Study` shows before it does anything.

The study (`view.py`), one round (`rounds.py`), samples that are asked for (`queries.py`), the same
as tables, cards, lines and files. What this leaves out: changing a study (`sitool.client`), and the
numbers themselves (`sitool.summary`).
"""
