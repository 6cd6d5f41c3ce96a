"""What the panel of samples says where it shows nothing."""

from sitool.desk import Look
from sitool.filter_line import Query
from sitool.store import round_label
from sitool.visible import one_line

NOTHING_YET = (
    "No samples yet. Press s to step: the base is measured first,"
    " then the first round draws samples."
)


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
