"""HTML in which every text is escaped (`markup.py`), and how it writes figures (`figures.py`)."""
