"""The generation-verification gap: can a judge tell the good samples of a model from the bad?

    report = sitool.open("my-study").gap(verifiers=["mc"])
    report.rounds[-1].judges["mc"].gap.strict.gap

`pool.py` holds a round's samples as arrays, `filters.py` turns scores into weights,
`figures.py`, `sweeps.py`, `agreement.py`, `diversity.py` and `updates.py` measure,
`saturation.py` says when to stop, `assembly.py` puts the report together and
`sources.py` reads the study. All but the last is pure numpy.

Source: Song et al., "Mind the Gap", arXiv 2412.02674 (ICLR 2025).
"""

from sitool.gap.report import GapReport
from sitool.gap.sources import report_gap

__all__ = ["GapReport", "report_gap"]
