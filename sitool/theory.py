"""What the laboratory shows: its simulations and diagrams as plots, tables and files.

Front ends and the command line draw the same. What this leaves out: the numbers
(`sitool.lab`), and drawing a plot or a spec (`vega/`, `tui/`).
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from sitool.drafts import replaced_file
from sitool.errors import UnknownNameError
from sitool.lab import Axis, DiagramPlan, PhaseDiagram, Run, Winner
from sitool.overlay import Feedback, FittedRound, Overlay, Prediction
from sitool.plots import Line, Plot
from sitool.vega import COLOURS, DATA, FORMS, Spec, picture, spec_of
from sitool.vega.specs import VEGA_LITE_SCHEMA

CENTRAL = (0.025, 0.975)
"""The quantiles of a band: nineteen runs in twenty lie between them."""
TITLES = {
    "success": "Success",
    "accepted": "Accepted samples a round",
    "skill": "Skill",
    "gap": "Gap of what the verifier keeps",
    "coverage": "Coverage, E[1 / pi(y*)]",
}
AXIS_TITLES = {
    "initial": "initialization: skill at the start",
    "spread": "difficulty spread: steps of the hardest level",
    "prompts": "sample budget: prompts a round",
}
BOUND_NAMES = {
    Winner.NEITHER: "no guarantee",
    Winner.EVEN: "even",
    Winner.FIRST: "easy to hard is better",
    Winner.SECOND: "uniform is better",
}
"""The bound compares its own easy-to-hard with the uniform mixture, whatever was simulated."""
BOUND_SHAPES = {Winner.FIRST: "triangle-up", Winner.SECOND: "triangle-down", Winner.EVEN: "cross"}

Rows = list[list[str | float | int]]


def run_plot(runs: Mapping[str, Run], series: str, level: int | None = None) -> Plot:
    """Plot one quantity of one or more simulations over rounds, with bands.

    Args:
        runs: By name, such as the curriculum's.
        series: A key of `TITLES`.
        level: As `Run.series`.

    Raises:
        UnknownNameError: There is no such quantity.
    """
    if series not in TITLES:
        raise UnknownNameError("series", series, TITLES)
    count = next(iter(runs.values())).success.shape[1]
    where = "all levels" if level is None else f"level {level}"
    return Plot(
        series,
        f"{TITLES[series]}, {where}: {count:,} simulated runs",
        [_line(name, run, series, level) for name, run in runs.items()],
        x_title="round",
        y_title=TITLES[series],
        limits=(0.0, 1.0) if series in ("success", "skill") else None,
        note="lines are means",
        intervals="bands hold 95 % of the runs",
    )


def _line(name: str, run: Run, series: str, level: int | None) -> Line:
    band = run.band(series, level, CENTRAL)
    first = int(series == "accepted")  # nothing is drawn before the first round
    x = np.arange(first, len(band.mean), dtype=np.float64)
    return Line(name, x, band.mean[first:], band.low[first:], band.high[first:])


def diagram_spec(diagram: PhaseDiagram) -> Spec:
    """Write a phase diagram as Vega-Lite: colours are the simulation's, marks the bound's."""
    plan = diagram.plan
    names = winner_names(plan)
    cells = [
        {
            plan.x.name: short_value(x),
            plan.y.name: short_value(y),
            "simulated": names[Winner(int(diagram.winner[row, column]))],
            "bound": BOUND_NAMES[Winner(int(diagram.bound_winner[row, column]))],
            "first": round(float(diagram.first[row, column]), 4),
            "second": round(float(diagram.second[row, column]), 4),
        }
        for row, y in enumerate(plan.y.values)
        for column, x in enumerate(plan.x.values)
    ]
    place = {
        "x": _place(plan.x, descending=False),
        "y": _place(plan.y, descending=True),
    }
    return {
        "$schema": VEGA_LITE_SCHEMA,
        "title": {"text": diagram_title(plan), "subtitle": diagram_note(plan), "anchor": "start"},
        "width": 480,
        "height": 400,
        "background": "white",
        "data": {"name": DATA, "values": cells},
        "layer": [
            {"mark": "rect", "encoding": place | {"color": _colour(names)}},
            {
                "transform": [{"filter": f"datum.bound != '{BOUND_NAMES[Winner.NEITHER]}'"}],
                "mark": {"type": "point", "filled": True, "color": "black", "size": 14},
                "encoding": place | {"shape": _shape()},
            },
        ],
        "config": {"font": "sans-serif"},
    }


def winner_names(plan: DiagramPlan) -> dict[Winner, str]:
    """Name the outcomes of a plan in words."""
    first, second = (c if isinstance(c, str) else c.rule for c in (plan.first, plan.second))
    return {
        Winner.NEITHER: "neither leaves the ground",
        Winner.EVEN: "even",
        Winner.FIRST: f"{first} is better",
        Winner.SECOND: f"{second} is better",
    }


def diagram_title(plan: DiagramPlan) -> str:
    """Say what a diagram compares."""
    measured = "after the last round" if plan.measure == "final" else "over all rounds"
    return f"Learner '{plan.learner}': success on the hardest level {measured}"


def diagram_note(plan: DiagramPlan) -> str:
    """Say what a diagram rests on, and what its marks are."""
    return (
        f"{plan.runs} runs a cell, {plan.rounds} rounds; a winner is ahead by {plan.margin:g}"
        f" and {plan.errors:g} standard errors; marks: sitool bound (shared skill), none: no"
        " guarantee"
    )


def _place(axis: Axis, descending: bool) -> Spec:
    values = [short_value(value) for value in axis.values]
    shown = values[:: max(1, len(values) // 8)]
    return {
        "field": axis.name,
        "type": "ordinal",
        "title": AXIS_TITLES[axis.name],
        "sort": values[::-1] if descending else values,
        "axis": {"values": shown, "labelAngle": 0},
    }


def short_value(value: float) -> str:
    """Write a value of an axis in few digits.

    >>> short_value(0.543210), short_value(1024.0)
    ('0.543', '1,024')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _colour(names: Mapping[Winner, str]) -> Spec:
    colours = ("#444444", "#dddddd", COLOURS[0], COLOURS[1])
    return {
        "field": "simulated",
        "type": "nominal",
        "title": "simulated",
        "scale": {"domain": list(names.values()), "range": list(colours)},
    }


def _shape() -> Spec:
    return {
        "field": "bound",
        "type": "nominal",
        "title": "sitool bound",
        "scale": {
            "domain": [BOUND_NAMES[winner] for winner in BOUND_SHAPES],
            "range": list(BOUND_SHAPES.values()),
        },
    }


def run_rows(runs: Mapping[str, Run]) -> Rows:
    """Lay out simulations as a table: one row a curriculum, quantity, level and round."""
    rows: Rows = [["curriculum", "series", "level", "round", "mean", "low", "high"]]
    for name, run in runs.items():
        for series in TITLES:
            columns = getattr(run, series).shape[2]
            for level in (None, *range(1, columns + 1)):
                band = run.band(series, level, CENTRAL)
                rows += [
                    [name, series, "all" if level is None else level, number, *map(float, values)]
                    for number, values in enumerate(
                        zip(band.mean, band.low, band.high, strict=True)
                    )
                ]
    return rows


def diagram_rows_of(diagram: PhaseDiagram) -> Rows:
    """Lay out a diagram as a table: one row a cell."""
    plan, names = diagram.plan, winner_names(diagram.plan)
    rows: Rows = [
        [plan.x.name, plan.y.name, "simulated", "first", "second", "error",
         "bound", "bound_first", "bound_second"]
    ]  # fmt: skip
    for row, y in enumerate(plan.y.values):
        for column, x in enumerate(plan.x.values):
            here = (row, column)
            rows.append([
                float(x), float(y), names[Winner(int(diagram.winner[here]))],
                float(diagram.first[here]), float(diagram.second[here]),
                float(diagram.error[here]), BOUND_NAMES[Winner(int(diagram.bound_winner[here]))],
                float(diagram.bound_first[here]), float(diagram.bound_second[here]),
            ])  # fmt: skip
    return rows


def levels_plot(found: Overlay) -> Plot:
    """Plot the newest prediction: success by level, from where it starts, and what came of it."""
    made = found.next or (found.predictions[-1] if found.predictions else None)
    here = found.rounds[-1] if made is None else _round_of(found, made.start)
    x = np.array(here.levels, dtype=np.float64)
    lines = [
        Line(f"measured, r{here.round:04d}", x, here.measured),
        Line(f"{found.lens.model} fit", x, here.fit.success),
    ]
    if made is not None:
        lines.append(Line(f"predicted, {name_of_next(made)}", x, made.mean, made.low, made.high))
    if made is not None and made.round is not None:
        lines.append(Line(f"measured, r{made.round:04d}", x, made.measured))
    return Plot(
        "levels",
        f"Success by level, n={min(here.counts.asked):,.0f} or more a level",
        lines,
        x_title="level",
        y_title="success",
        ticks={float(level): str(level) for level in here.levels},
        limits=(0.0, 1.0),
        note=f"simulated learner '{found.lens.model}'"
        + ("" if made is None else f", m = {made.prior:g}"),
        intervals="the band holds 95 % of what could be measured",
    )


def _round_of(found: Overlay, number: int) -> FittedRound:
    return next(here for here in found.rounds if here.round == number)


def name_of_next(made: Prediction) -> str:
    """Name the round that a prediction is of."""
    return "next round" if made.round is None else f"r{made.round:04d}"


def feedback_plot(found: Feedback) -> Plot:
    """Plot J_{t+1} against J_t: the map of S3, where nothing changes, and the study's steps."""
    steps = sorted(found.points, key=lambda point: point[1])
    lines = [
        Line("sitool bound F", found.places, found.floor),
        Line("no change", np.array([0.0, 1.0]), np.array([0.0, 1.0])),
    ]
    if steps:
        x, y = (np.array([step[i] for step in steps]) for i in (1, 2))
        lines.append(Line("this study", x, y))
    return Plot(
        "feedback",
        f"Feedback: J after a round against J before, {found.draws:,} draws",
        lines,
        x_title="J_t",
        y_title="J_{t+1}",
        limits=(0.0, 1.0),
        note=reading_of_feedback(found),
    )


def reading_of_feedback(found: Feedback) -> str:
    """Say where the map leads."""
    if np.isnan(found.lower):
        return f"sitool bound: no fixed point with {found.draws:,} draws, so no guarantee"
    return f"sitool bound: J- = {found.lower:.3f}, J+ = {found.upper:.3f}"


def overlay_rows(found: Overlay) -> Rows:
    """Lay out an overlay as a table: one row a round and level, prediction beside measurement."""
    rows: Rows = [
        ["round", "level", "length", "measured", "n", "fitted", "fits", "p_value",
         "next_round", "predicted", "low", "high", "next_measured"]
    ]  # fmt: skip
    made = [*found.predictions, *([found.next] if found.next else [])]
    by_start = {one.start: one for one in made}
    for here in found.rounds:
        ahead = by_start.get(here.round)
        for place, level in enumerate(here.levels):
            row: list[str | float | int] = [
                here.round, level, int(here.counts.lengths[place]), float(here.measured[place]),
                int(here.counts.asked[place]), float(here.fit.success[place]),
                str(here.fit.fits).lower(), float(here.fit.p_value),
            ]  # fmt: skip
            if ahead is not None:
                columns = (ahead.mean, ahead.low, ahead.high, ahead.measured)
                name = "" if ahead.round is None else ahead.round
                row += [name, *(float(column[place]) for column in columns)]
            rows.append(row)
    return rows


def reading_of_fit(here: FittedRound, model: str) -> str:
    """Say whether the model fits a round, and if not, where not."""
    found, label = here.fit, f"r{here.round:04d}"
    if model == "tabular":
        return f"{label}: every level has a success of its own, so nothing could disagree."
    if len(here.levels) == 1:
        return f"{label}: a single level fits any skill, so nothing could disagree."
    name = "one shared skill" if model == "shared" else "a chain of skills"
    if found.fits:
        return f"{label}: {name} fits (p = {found.p_value:.2f})."
    place, sign = found.misfit
    word = "more" if sign > 0 else "less"
    return (
        f"{label}: {name} does not fit (p = {found.p_value:.3f}). Level {here.levels[place]} is"
        f" solved {word} than that says: {here.measured[place]:.2f} of"
        f" {here.counts.asked[place]:,.0f}, and not {found.success[place]:.2f}."
    )


def reading_of_coverage(found: Overlay) -> str:
    """Say how often a prediction's band held what was measured then."""
    inside, known = found.coverage
    if not known:
        return "No round was stepped yet whose prediction could be compared."
    return (
        f"{inside:,} of {known:,} measured successes lay in the band predicted for them"
        f" ({inside / known:.0%}; a band holds 95 % if the learner is right, and the first"
        " prediction knows no step before it to learn its pace from)."
    )


def save(file: Path, rows: Rows, drawn: Plot | Spec) -> None:
    """Write a table as .csv, or what is drawn as .svg, .png or .html, by the file's ending.

    Raises:
        UnknownNameError: The ending is none of these.
        StudyError: The file cannot be written.
        MissingDependencyError: vl-convert is not installed.
    """
    form = file.suffix.lstrip(".").lower()
    if form not in ("csv", *FORMS):
        raise UnknownNameError("form of file", form, ("csv", *FORMS), "try: -o lab.csv")
    if form == "csv":
        content = csv_of(rows).encode()
    else:
        content = picture(spec_of(drawn) if isinstance(drawn, Plot) else drawn, form)
    with replaced_file(file, make_folder=True) as draft:
        draft.write_bytes(content)


def csv_of(rows: Iterable[Iterable[str | float | int]]) -> str:
    """Write rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
