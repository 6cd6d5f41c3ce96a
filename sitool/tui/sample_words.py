"""What the panel of samples says of what it shows, and of why it shows nothing."""

import re

from sitool.desk import Look
from sitool.store import SampleFilter, SampleOrder, round_label
from sitool.tui.sample_filter import Query
from sitool.visible import one_line

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
SORT_WORD = re.compile(r"(?<!\S)sort:\S*\s*")
NOTHING_YET = (
    "No samples yet. Press s to step: the base is measured first,"
    " then the first round draws samples."
)


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


def why_empty(look: Look, round_id: int, query: Query) -> str:
    """Say why there is nothing to see, and what to do."""
    if query.words:
        return (
            f"No sample fits {one_line(query.words, 60)!r}."
            " Change the filter with /, or clear it with Escape."
        )
    if look.summary.open == round_id:
        goes_on = "They come as they are drawn." if look.working else "Go on with s."
        return f"{round_label(round_id)} has drawn no samples yet. {goes_on}"
    return f"{round_label(round_id)} drew no samples. Choose another round."
