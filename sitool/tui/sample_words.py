"""What the panel of samples says of what it shows, and of why it shows nothing."""

from sitool.desk import Look
from sitool.store import SampleFilter, SampleOrder, round_label
from sitool.tui.sample_filter import Query
from sitool.tui.sample_list import Listing
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
HELP = (
    "What the model wrote, one sample in a line: ✓ passed, ✗ failed, ? no verdict, ✎ a person"
    " ruled. The score is the lowest that a verifier gave, from 0 to 1; the weight is how much"
    " the sample counts in training, as the selection's rule or a person decided. / filters"
    " (accepted, rejected, failed, unparsed, overridden, level:5-7, score:0-.5, role:greedy,"
    " round:3, or any text to find), b sorts (so does a click on a heading), Enter shows a"
    " sample in full, a accepts it, x rejects it,"
    " Delete clears the ruling, z takes the last one back, n writes a note, k goes to the next"
    " sample of the same problem, v shows them all side by side."
)
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
    if query.unsorted_words:
        parts.append(one_line(query.unsorted_words, 40))
    if query.order is not SampleOrder.DRAWN or query.descending:
        parts.append(f"{ORDERS[query.order]} {'↓' if query.descending else '↑'}")
    return parts


def extent(coming: Listing, shown: Listing, first: int, fit: int) -> str:
    """Say which rows are in sight, of how many.

    Args:
        coming: What was asked for last.
        shown: What is on the screen.
        first: The first row in sight, from 0.
        fit: How many rows fit.
    """
    if coming.question != shown.question or not (shown.ids or shown.done):
        return "searching …"
    if not shown.ids:
        return "none"
    last = min(first + fit, len(shown.ids))
    return f"{first + 1:,}-{last:,} of {len(shown.ids):,}{'' if shown.done else ' …'}"


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
