"""What is found out of a study's rounds, as every front end shows it.

`gap.py` asks for the generation-verification gap, `sharpening.py` for what the model's own
likelihood would bring, `theory.py` for the laboratory; `filters.py` turns a judge's filter,
`figures.py` writes figures, and `kept.py` remembers answers. What this leaves out: the
numbers themselves (`sitool.gap`, `sitool.sharpening`, `sitool.front.workbench`), and drawing.
"""
