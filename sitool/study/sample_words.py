"""What front ends say of a sample in a line, and of the list that it stands in.

Pure functions to words. What this leaves out: one sample in full (`sitool.front.inspection`).
"""

from sitool.records import Action, Outcome
from sitool.store import SampleFilter, SampleLine, SampleOrder, round_label
from sitool.study.filter_line import SORT_WORD, Query
from sitool.visible import one_line

RULED = {Action.ACCEPT: "accepted", Action.REJECT: "rejected", Action.EDIT: "edited"}
SIGNS = {True: "✓", False: "✗", None: "?"}
ORDERS = {
    SampleOrder.DRAWN: "as drawn",
    SampleOrder.LEVEL: "by level",
    SampleOrder.LOGPROB: "by log p",
    SampleOrder.LENGTH: "by length",
    SampleOrder.SCORE: "by score",
}
BY_HEADING = {
    "lvl": SampleOrder.LEVEL,
    "completion": SampleOrder.LENGTH,
    "score": SampleOrder.SCORE,
}
"""What a click on a heading sorts by; a completion by its length."""


def sign_of(line: SampleLine) -> str:
    """Return ✓ passed, ✗ failed, ? no verdict, · not scored yet; with ✎ if a person ruled."""
    sign = SIGNS[line.passed] if line.scores else "·"
    return sign + ("✎" if line.ruling else "")


def score_of(line: SampleLine) -> str:
    """Write the lowest value that a verifier gave, or why there is none."""
    outcomes = {score.outcome for score in line.scores.values()}
    for outcome, word in ((Outcome.ERROR, "error"), (Outcome.UNPARSED, "none")):
        if outcome in outcomes:
            return word
    return "" if line.value is None else f"{line.value:.2f}"


def reason_of(line: SampleLine) -> str:
    """Say who decided about a sample, and why."""
    ruling = line.ruling
    if ruling is not None:
        because = f": {ruling.reason}" if ruling.reason else ""
        return f"{ruling.author} {RULED[ruling.action]} it{because}"
    if line.passed and line.weight == 0:
        return f"left out: {line.rule}"
    return "; ".join(f"{name}: {score.explanation}" for name, score in line.scores.items())


def subject(where: SampleFilter, query: Query) -> list[str]:
    """Say which samples these are and how they are sorted, in the parts of a title."""
    parts = [f"Samples of {round_label(where.round or 0)}"]
    if where.role != "train" and "role:" not in query.words:
        parts.append(
            "answers of the base"
            if where.role == "base"
            else f"{where.role} answers of the evaluation"
        )
    words = SORT_WORD.sub("", query.words).strip()
    if words:
        parts.append(one_line(words, 40))
    if query.order is not SampleOrder.DRAWN or query.descending:
        parts.append(f"{ORDERS[query.order]} {'↓' if query.descending else '↑'}")
    return parts
