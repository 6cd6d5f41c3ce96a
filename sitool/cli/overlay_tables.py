"""What `sitool lab overlay` prints: fits, predictions beside what came, and the feedback loop."""

import numpy as np
from rich.table import Table

from sitool import theory
from sitool.cli.commands import console, say
from sitool.cli.lab_tables import plain_table
from sitool.overlay import MEASURES, Overlay, Prediction
from sitool.study.round_words import short


def show(found: Overlay) -> None:
    """Print an overlay as tables and sentences."""
    lens = found.lens
    say(f"Success is {MEASURES[lens.measure]}. Model: {lens.model}.")
    console.print(fits_table(found))
    for here in found.rounds:
        say(theory.reading_of_fit(here, lens.model))
    made = [*found.predictions, *([found.next] if found.next else [])]
    for one in made:
        say(f"\n{theory.name_of_next(one)}, predicted from r{one.start:04d}: {drawn_words(one)}")
        console.print(prediction_table(one))
    say(theory.reading_of_coverage(found))
    bound = found.feedback.bound
    say(f"\nFeedback: {theory.reading_of_feedback(found.feedback)}.")
    console.print(feedback_table(found))
    say(f"{bound.name} ({bound.source}): {bound.formula}. Assumes: {bound.assumptions}")


def fits_table(found: Overlay) -> Table:
    """Lay out the skills of every round."""
    table = plain_table("round", "accuracy", "skill", "95 %", "deviance")
    for here in found.rounds:
        for place, skill in enumerate(here.fit.skill):
            low, high = here.fit.low[place], here.fit.high[place]
            first = place == 0
            table.add_row(
                f"r{here.round:04d}" if first else "",
                short(here.accuracy) if first else "",
                f"{skill:.3f}",
                f"{low:.3f} to {high:.3f}",
                f"{here.fit.deviance:.1f}" if first else "",
            )
    return table


def drawn_words(one: Prediction) -> str:
    """Say what the round draws."""
    mixture = ", ".join(f"{count:,} of level {level}" for level, count in one.problems.items())
    return f"{one.samples} samples each of {mixture}; m = {one.prior:g}"


def prediction_table(one: Prediction) -> Table:
    """Lay out a prediction beside what was measured then."""
    table = plain_table("level", "predicted", "95 % band", "measured", "")
    columns = np.stack([one.mean, one.low, one.high, one.measured], axis=1)
    rows = dict(zip(map(str, one.levels), columns.tolist(), strict=True))
    for name, (mean, low, high, seen) in (rows | {"all": list(one.overall)}).items():
        known = np.isfinite(seen)
        place = "inside" if low <= seen <= high else "outside"
        table.add_row(
            name,
            short(mean),
            f"{short(low)} to {short(high)}",
            short(seen) if known else "",
            place if known else "",
        )
    return table


def feedback_table(found: Overlay) -> Table:
    """Lay out the steps of the branch: this accuracy, and the next."""
    table = plain_table("from", "J", "next J")
    for number, here, after in found.feedback.points:
        table.add_row(f"r{number:04d}", short(here), short(after))
    return table
