"""What the panel of samples says of itself, and where it shows nothing."""

from sitool.front.desk import Look
from sitool.front.listing import Listing
from sitool.store import round_label
from sitool.study.filter_line import Query
from sitool.visible import one_line

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
