"""What every front end says of a study as it stands: its signal, its engine, a review.

What this leaves out: how it is drawn, and which key or button answers it.
"""

from collections.abc import Iterator, Mapping

from sitool.front.desk import Look
from sitool.records import Phase
from sitool.store import round_label
from sitool.summary import RoundSummary, Summary

SHARES = (
    ("all_wrong", "✗", "all wrong"),
    ("mixed", "±", "mixed"),
    ("all_right", "✓", "all right"),
    ("unparsed", "?", "unparsed"),
)
"""Of a round's problems: name, sign and word."""


def share_words(shares: Mapping[str, float]) -> list[str]:
    """Write each share of a round's problems that is known.

    >>> share_words({"mixed": 0.614})
    ['± 61% mixed']
    """
    return [f"{sign} {shares[name]:.0%} {words}" for name, sign, words in SHARES if name in shares]


def accepted_words(here: RoundSummary, summary: Summary) -> str:
    """Say how many samples a round's selection kept, beside the round before."""
    if not here.sampled:
        return "" if here.round.id else "The base: it is only measured."
    words = f"accepted  {here.accepted:,} of {here.sampled:,}"
    parent = here.round.parent
    if parent:
        words += f"  ({round_label(parent)}: {summary.round(parent).accepted:,})"
    return words


def acceptance(here: RoundSummary) -> Iterator[tuple[int, float, str]]:
    """Yield level, share of its samples that were right, and words; what was drawn most first."""
    counts = here.accepted_by_level.items()
    for level, (kept, drawn) in sorted(counts, key=lambda item: (-item[1][1], -item[0])):
        measured = here.success.get(level)
        if level and drawn and measured is not None:
            words = f"{measured.value:>4.0%} right  kept {kept:,}/{drawn:,}"
            yield level, measured.value, words


def review_words(look: Look) -> str:
    """Say what the open round will train on, and how people's rulings changed that."""
    review = look.review
    if review is None:
        return ""
    changes = [
        f"{sign}{count}"
        for sign, count in (("+", review.added), ("-", review.removed), ("✎", review.edited))
        if count
    ]
    by_you = f" ({' '.join(changes)} by you)" if changes else ""
    return f": it will train on {review.total:,} samples{by_you}"


def resting_words(look: Look) -> tuple[str, str]:
    """Say how a study stands that no round runs in: a sentence, and what waits to be done.

    What waits is `step` after an engine died, `go on` while a round is open, or nothing.
    """
    open_round = look.summary.open
    if look.died:
        where = "" if open_round is None else f" in the middle of {round_label(open_round)}"
        return f"✗ The engine ended{where}; nothing that was committed is lost.", "step"
    if look.working:
        return "▸ The engine is at work …", ""
    if open_round is not None:
        phase = look.summary.round(open_round).round.phase
        before = f"training{review_words(look)}" if look.review else phase
        return f"‖ {round_label(open_round)} waits before {before}.", "go on"
    return _engine_words(look), ""


def _engine_words(look: Look) -> str:
    if look.engine is None:
        return "No engine is running; a step starts one."
    return f"The engine is ready (process {look.engine})."


def phases_of(look: Look | None, number: int) -> list[Phase]:
    """Return the phases that a round goes through: the base is only evaluated."""
    rounds = () if look is None else look.summary.rounds
    base = any(r.round.id == number and r.round.parent is None for r in rounds)
    return [Phase.EVALUATE] if base or number == 0 else list(Phase)
