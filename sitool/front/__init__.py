"""What the terminal app and the notebook share: everything of a front end but its widgets.

The thread that holds a study (`desk.py`), where a person stands in it (`standing.py`), what they
may do (`moves.py`, `rulings.py`, `mixture.py`) and what is said (`wording.py`, `inspection.py`,
`pages.py`), so that both say and do the same. What this leaves out: numbers (`sitool.summary`
and the reports below it), and drawing.
"""
