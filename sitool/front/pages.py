"""A page for each part of the sitool bound and for the counts of sharpening, in plain words.

The numbers, formulas and assumptions are those of `sitool.lab`; here are the words around
them, and knobs to try. What this leaves out: showing them (`tui/theory_pages.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sitool import lab
from sitool.front.workbench import CLASS_SIZE, RHO, Knobs


@dataclass(frozen=True)
class Page:
    """What there is to know of one guarantee.

    Attributes:
        title: Its name.
        words: What it says, plainly.
        begins: What the names of its bounds begin with, in `lab.guarantees` or
            `lab.sharpening_counts`.
        suggestion: What to try.
        turn: The knobs that try it.
    """

    title: str
    words: str
    begins: str
    suggestion: str
    turn: Callable[[Knobs], Knobs]


PAGES: Sequence[Page] = (
    Page(
        "S1, one round",
        "Training on what the verifier accepted leaves few errors on the problems it was trained"
        " on: twice as many accepted samples, half the errors. The rate is fast because right"
        " answers are right for sure. But those problems lean to what was solved already.",
        "S1",
        "Four times the prompts: the bound falls to a quarter.",
        lambda knobs: replace(knobs, prompts=4 * knobs.prompts),
    ),
    Page(
        "S2, never much worse",
        "A round cannot lose much: what was solved stays solved but for the errors of S1. The"
        " loss is at most of the order of one over the budget, wherever one starts.",
        "S2",
        "A small budget, where even this is little: 16 prompts.",
        lambda knobs: replace(knobs, prompts=16),
    ),
    Page(
        "S3, feedback and saturation",
        "A better model gets more samples accepted and so learns more: it feeds back. Above J-"
        " the guarantee climbs, round by round, to J+, the ceiling for this budget; below J- it"
        " says nothing. With too small a budget there is no J- and no J+.",
        "S3",
        "200 prompts, one answer each: J- = .13 and J+ = .87. Look at the Feedback chart.",
        lambda knobs: replace(knobs, prompts=200, responses=1),
    ),
    Page(
        "S4, levels without transfer",
        "If no level helps another, each learns from its own accepted samples alone, and a"
        " curriculum cannot do more than share the budget out. So whoever promises more from"
        " easy levels assumes that something transfers.",
        "S4",
        "The tabular learner, where nothing transfers, with easy levels first.",
        lambda knobs: replace(knobs, learner="tabular", rule="staged"),
    ),
    Page(
        "S5, shared skill",
        "If level k is L_k steps of one skill, every level teaches all others. A level teaches"
        " most where it is solved about .37 of the time (1/e): easier ones teach little, harder"
        " ones accept little. That level moves up as the skill grows: easy to hard. In this bound"
        " no mixture is ever better.",
        "S5",
        "A weak start with 1,024 prompts: easy to hard is guaranteed .97, the hardest level alone"
        " nothing.",
        lambda knobs: replace(knobs, initial=0.6, prompts=1024, learner="shared", spread=16,
                              own_lengths=(), levels=5, responses=1, false_accepts=0.0,
                              false_rejects=0.0),
    ),
    Page(
        "Sharpening: how much it asks for",
        "Without a verifier a model can still make its likeliest answer surer. How many samples"
        " that takes depends on the coverage, one over the chance of the likeliest answer."
        " It makes a model surer, not more right. These are counts of arXiv 2412.01951, up to"
        " constants that its theorems do not name, and no part of the sitool bound.",
        "",
        "A strong start, where the likeliest answer is mostly right.",
        lambda knobs: replace(knobs, initial=0.9),
    ),
)  # fmt: skip


def bounds_of(page: Page, knobs: Knobs) -> list[lab.Bound]:
    """Return a page's bounds at these knobs.

    Raises:
        LabError: A knob is out of range.
    """
    at = lab.Situation(
        knobs.initial, knobs.lengths, knobs.draws, knobs.rounds, CLASS_SIZE, RHO,
        coverage=1.0 / knobs.initial,
    )  # fmt: skip
    if not page.begins:
        return lab.sharpening_counts(at)
    return [bound for bound in lab.guarantees(at) if bound.name.startswith(page.begins)]


def value_words(bound: lab.Bound) -> str:
    """Write a bound's numbers.

    >>> value_words(lab.one_round(1e4, 0.1, 0))
    'infinite'
    """
    words = []
    for value in np.asarray(bound.value, dtype=np.float64).flat:
        if np.isnan(value):
            words.append("none")
        elif np.isinf(value):
            words.append("infinite")
        else:
            words.append(f"{value:,.3f}" if value < 10 else f"{value:,.0f}")
    return ", ".join(words)
