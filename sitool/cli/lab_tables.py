"""What `sitool lab` prints: tables, maps of letters, sentences of reading, and JSON."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from sitool import lab, theory
from sitool.study.round_words import short

LETTERS = {
    lab.Winner.NEITHER: "·",
    lab.Winner.EVEN: "=",
    lab.Winner.FIRST: "1",
    lab.Winner.SECOND: "2",
}


def bound_as_json(bound: lab.Bound) -> dict[str, object]:
    """Return a bound with all that it rests on."""
    return {
        "name": bound.name,
        "value": json_numbers(bound.value),
        "probability": json_numbers(bound.probability),
        "formula": bound.formula,
        "assumptions": bound.assumptions,
        "source": bound.source,
    }


def json_numbers(value: object) -> list[float | None] | float | None:
    """Return numbers as JSON knows them; what is not finite is null."""
    array = np.asarray(value, dtype=np.float64)
    numbers = [float(x) if np.isfinite(x) else None for x in array.flat]
    return numbers if array.ndim else numbers[0]


def figures(value: object) -> str:
    """Write numbers short.

    >>> figures([0.5, float("inf"), float("nan"), 1234567.0])
    '.50 ∞ · 1,234,567'
    """
    words = []
    for x in np.asarray(value, dtype=np.float64).flat:
        if np.isnan(x):
            words.append("·")
        elif np.isinf(x):
            words.append("∞")
        else:
            words.append(short(float(x)) if abs(x) < 10 else f"{x:,.0f}")
    return " ".join(words)


def bounds_table(found: Sequence[lab.Bound]) -> Table:
    """Lay out bounds and their numbers."""
    table = plain_table("bound", "value", left=("bound",))
    for bound in found:
        table.add_row(Text(bound.name), Text(figures(bound.value)))
    return table


def reading_of_bounds(at: lab.Situation) -> str:
    """Say where the guarantee leads."""
    strength = lab.feedback_strength(at.class_size, at.rho, at.draws)
    lower, upper = (float(point) for point in lab.fixed_points(strength))
    if np.isnan(lower):
        return (
            f"With {at.draws:,} draws a round nothing is guaranteed, wherever it starts:"
            f" c/n is {float(strength):.2f}, and must be at most .25. try: more draws"
        )
    return (
        f"With {at.draws:,} draws a round the guarantee climbs from above J- = {short(lower)} to"
        f" J+ = {short(upper)} and no further; from below J- it says nothing."
    )


def course_table(played: dict[str, lab.Run], level: int) -> Table:
    """Lay out success on a level, accepted samples and the gap, round by round."""
    table = plain_table("round")
    bands = {}
    for name, run in played.items():
        bands[name] = (run.band("success", level), run.band("accepted"), run.band("gap", level))
        for column in (name, "5 to 95 %", "kept", "gap"):
            table.add_column(column, justify="right", no_wrap=True)
    rounds = len(next(iter(played.values())).success)
    for number in range(rounds):
        row = [str(number)]
        for success, accepted, gap in bands.values():
            row.append(short(success.mean[number]))
            row.append(f"{short(success.low[number])} to {short(success.high[number])}")
            row.append(f"{accepted.mean[number]:,.0f}" if number else "")
            row.append(short(gap.mean[number]))
        table.add_row(*row)
    return table


def reading_of_runs(played: dict[str, lab.Run], level: int) -> str:
    """Say where each curriculum ends, and how soon it is half-way."""
    words = []
    for name, run in played.items():
        band = run.band("success", level)
        half = float(np.quantile(run.rounds_to(0.5, level), 0.5, method="inverted_cdf"))
        when = f"half of the runs reach .50 by round {half:.0f}"
        if np.isinf(half):
            when = "fewer than half of the runs ever reach .50"
        words.append(f"{name} ends at {short(band.mean[-1])}, and {when}")
    count = next(iter(played.values())).success.shape[1]
    return f"Level {level}, {count:,} runs each: {'; '.join(words)}."


def remark(law: lab.Learner, level: int) -> str:
    """Say what else is known of a learner beforehand, as a sentence or as nothing."""
    if isinstance(law, lab.SelfVerified):
        end = short(float(law.ceiling()[level - 1]))
        return f" Its verdicts are right about {end} of what they keep: no mean can climb higher."
    if isinstance(law, lab.Tabular):
        tables = f"{law.prompts} prompts a level and {law.answers} answers"
        return f" Its tables, of {tables}, have log|Pi| = {law.log_class:.0f}."
    return ""


def runs_as_json(played: dict[str, lab.Run], lengths: Sequence[int]) -> dict[str, object]:
    """Return every band of every curriculum."""
    return {
        "lengths": list(lengths),
        "runs": next(iter(played.values())).success.shape[1],
        "quantiles": list(theory.CENTRAL),
        "curricula": {
            name: {
                series: {
                    "all" if level is None else str(level): {
                        "mean": json_numbers(band.mean),
                        "low": json_numbers(band.low),
                        "high": json_numbers(band.high),
                    }
                    for level in (None, *range(1, getattr(run, series).shape[2] + 1))
                    for band in [run.band(series, level, theory.CENTRAL)]
                }
                for series in theory.TITLES
            }
            for name, run in played.items()
        },
    }


def map_table(found: lab.PhaseDiagram) -> Table:
    """Lay out the simulation's map and the bound's, a letter a cell, large y at the top."""
    plan = found.plan
    low, high = (theory.short_value(plan.x.values[end]) for end in (0, -1))
    table = plain_table(plan.y.name)
    for title in ("simulated", "sitool bound"):
        table.add_column(f"{title}, {plan.x.name} {low} to {high}", justify="left", no_wrap=True)
    for row in reversed(range(len(plan.y.values))):
        maps = (found.winner[row], found.bound_winner[row])
        drawn = ["".join(LETTERS[lab.Winner(int(cell))] for cell in cells) for cells in maps]
        table.add_row(theory.short_value(plan.y.values[row]), *drawn)
    return table


def reading_of_diagram(found: lab.PhaseDiagram) -> str:
    """Count the cells of each outcome."""
    names = theory.winner_names(found.plan)
    total = found.winner.size
    counts = "; ".join(
        f"{LETTERS[winner]} {names[winner]} in {found.cells(winner):,}"
        for winner in (lab.Winner.FIRST, lab.Winner.SECOND, lab.Winner.EVEN, lab.Winner.NEITHER)
    )
    return (
        f"Of {total:,} cells: {counts}. The bound, of its own easy-to-hard"
        f" against uniform on a shared skill, says the same in {found.agreement():.0%}."
    )


def plain_table(*columns: str, left: Sequence[str] = ()) -> Table:
    """Make a table without lines; columns stand right unless named in `left`."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    return table
