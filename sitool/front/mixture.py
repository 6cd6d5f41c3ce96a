"""The next round's mixture of levels, as every front end lets a person turn it.

What this leaves out: how a rule makes weights (`sitool.curriculum`), and how they are drawn.
"""

from collections.abc import Mapping
from typing import Any

from sitool.config import CurriculumSettings
from sitool.summary import Summary

RULES = ("adaptive", "fixed", "staged", "cosine", "gaussian", "manual")
"""In the order in which they are offered."""
TURNED_BY_RULE: Mapping[str, tuple[str, ...]] = {
    "adaptive": ("low", "high", "ahead", "review"),
    "fixed": (),
    "staged": ("rounds",),
    "cosine": ("rounds",),
    "gaussian": ("rounds", "sigma", "mu_exp", "p_min"),
    "manual": (),
}
"""The settings that a rule looks at, beside those of `TURNED_ALWAYS`."""
NO_LEVEL = "Some level must be drawn: raise another one first."
TURNED_ALWAYS = ("shift", "lowest", "highest")


def success_by_level(summary: Summary, number: int | None) -> dict[int, float]:
    """Return a round's success by level as the curriculum looks at it.

    A round that is not measured yet stands where the one stands that it started from.
    """
    while number is not None:
        here = summary.round(number)
        measured = here.pass_at_k.get(1) or here.accuracy
        if measured:
            return {level: m.value for level, m in measured.items() if level}
        number = here.round.parent
    return {}


def rule_words(s: CurriculumSettings) -> str:
    """Name the rule with its target band, and how far the mixture is moved."""
    words: str = s.rule
    if s.rule == "adaptive":
        words += f", target band {s.low:.2f} to {s.high:.2f}"
    if s.shift:
        words += f", moved {abs(s.shift)} {'harder' if s.shift > 0 else 'easier'}"
    return words


def weighed(weights: Mapping[int, float], level: int, weight: float) -> dict[str, Any] | None:
    """Return the changes that give a level this weight, under the rule manual.

    None if no level would be drawn any more.

    >>> weighed({1: 0.5, 2: 0.5}, 2, 1.2)
    {'rule': 'manual', 'weights': {1: 0.5, 2: 1.0}, 'shift': 0}
    """
    changed = {k: round(w, 4) for k, w in weights.items()}
    changed[level] = round(min(max(weight, 0.0), 1.0), 4)
    if not sum(changed.values()):
        return None
    return {"rule": "manual", "weights": changed, "shift": 0}


def band_words(s: CurriculumSettings, success: float | None) -> str:
    """Write a measured success; ▕ ▏ around it says that it is inside the target band.

    >>> band_words(CurriculumSettings(), 0.37), band_words(CurriculumSettings(), 1.0)
    ('▕.37▏', ' 1.0 ')
    """
    if success is None:
        return "  ·"
    number = f"{success:.2f}".removeprefix("0") if success < 1 else "1.0"
    return f"▕{number}▏" if s.low <= success <= s.high else f" {number} "
