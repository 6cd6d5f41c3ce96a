"""What each chart of a study shows, before anybody draws it.

The terminal, the notebook and the report draw the same plots. What this leaves
out: drawing them (`charts.py` as Vega-Lite and SVG, `tui/` in a terminal).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sitool.errors import StudyError, UnknownNameError
from sitool.measure import ALL_LEVELS
from sitool.store import Metric
from sitool.summary import RoundSummary, Summary

Floats = NDArray[np.float64]
Branch = Sequence[RoundSummary]

KINDS: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "accepted": "Accepted",
    "pass_at_k": "pass@k",
    "entropy": "Entropy",
    "loss": "Loss",
}
"""The charts there are: name -> what its tab says."""
SHARE = (0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a plot, or one set of bars.

    Attributes:
        label: What it is, in words.
        x: Ascending.
        y: NaN where nothing is measured.
        low, high: Ends of the 95 % interval of each y, where there is one.
        total: For bars: what each is a part of.
        end: The last value in words.
        names: What each point is, where the x axis does not say it.
    """

    label: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    total: Floats | None = None
    end: str = ""
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A chart before it is drawn.

    Attributes:
        title: What is drawn, in words, and how much it rests on.
        ticks: Names of places on the x axis; empty where x is a plain number.
        limits: The least and greatest y there can be; None is what the lines have.
        shown: The x to point out.
        empty: Why there is nothing to draw, and what to do; "" if there is.
        note: What else one has to know to read it.
        intervals: What the lines' intervals are.
        dots: Points of y against x, in any order, beside the diagonal.
    """

    kind: str
    title: str
    lines: Sequence[Line] = ()
    x_title: str = ""
    y_title: str = ""
    ticks: Mapping[float, str] = field(default_factory=dict)
    limits: tuple[float, float] | None = None
    shown: float | None = None
    bars: bool = False
    empty: str = ""
    note: str = ""
    intervals: str = "95 % intervals"
    dots: bool = False


def plot_of(summary: Summary, kind: str, shown: int | None) -> Plot:
    """Make a chart of one round and the branch that leads to it.

    Args:
        shown: The round; None while there is none.

    Raises:
        UnknownNameError: There is no such kind of chart.
    """
    make = _maker(kind)
    if shown is None:
        return Plot(kind, KINDS[kind], empty="There is no round yet: step to measure the base.")
    return make([branch_to(summary, shown)], None)


def overlay(summary: Summary, kind: str, first: int, second: int, level: int = ALL_LEVELS) -> Plot:
    """Lay the charts of two branches over one another.

    Args:
        first, second: The rounds at their tips.
        level: Draw this level alone, where the chart knows levels; 0 is all.

    Raises:
        UnknownNameError: There is no such kind of chart.
    """
    tips = [first] if first == second else [first, second]
    return _maker(kind)([branch_to(summary, tip) for tip in tips], level)


def _maker(kind: str) -> "Maker":
    if kind not in KINDS:
        raise UnknownNameError("chart", kind, KINDS)
    return _MAKERS[kind]


def branch_to(summary: Summary, tip: int) -> Branch:
    """Return the rounds from the base to a round.

    Raises:
        StudyError: There is no such round.
    """
    by_id = {r.round.id: r for r in summary.rounds}
    if tip not in by_id:
        raise StudyError(f"There is no round {tip}; known: 0 to {len(by_id) - 1}.")
    branch: list[RoundSummary] = []
    here: int | None = tip
    while here is not None:
        branch.append(by_id[here])
        here = by_id[here].round.parent
    return branch[::-1]


def name_of(round_: RoundSummary) -> str:
    """Return a round's name on a chart, such as `r3`."""
    return f"r{round_.round.id}"


def _accuracy(branches: Sequence[Branch], level: int | None) -> Plot:
    measured = [r for branch in branches for r in branch if r.accuracy]
    if not measured:
        empty = f"{name_of(branches[0][-1])} is not evaluated yet: step to the end of the round."
        return Plot("accuracy", "Accuracy by level", empty=empty)
    if level is not None:
        return _accuracy_of(branches, level)
    return _accuracy_of_base(measured[0]) if len(measured) == 1 else _accuracy_by_level(branches[0])


def _accuracy_by_level(branch: Branch) -> Plot:
    lines = [
        metric_line(f"level {level}", enumerate(r.accuracy.get(level) for r in branch))
        for level in _levels(branch)
    ]
    title = f"Accuracy by level over rounds, {_n(_counts(branch))} each"
    return _over_rounds("accuracy", title, lines, [branch], limits=SHARE)


def _accuracy_of(branches: Sequence[Branch], level: int) -> Plot:
    lines = [
        metric_line(name_of(b[-1]), enumerate(r.accuracy.get(level) for r in b)) for b in branches
    ]
    counts = [r.accuracy[level].n or 0 for b in branches for r in b if level in r.accuracy]
    title = f"Accuracy, {level_words(level)}, {_n(counts)}"
    return _over_rounds("accuracy", title, lines, branches, limits=SHARE)


def _accuracy_of_base(only: RoundSummary) -> Plot:
    levels = _levels([only])
    line = metric_line(name_of(only), ((level, only.accuracy[level]) for level in levels))
    return Plot(
        "accuracy",
        f"Accuracy of {name_of(only)} by level, {_n(_counts([only]))} each",
        [replace(line, end="")],
        "level",
        "accuracy",
        ticks={level: f"L{level}" for level in levels},
        limits=SHARE,
    )


def _accepted(branches: Sequence[Branch], level: int | None) -> Plot:
    alone = len(branches) == 1
    lines = [_accepted_line("accepted" if alone else name_of(b[-1]), b) for b in branches]
    sampled = [r.sampled for b in branches for r in b if r.sampled]
    if not sampled:
        empty = "Nothing was sampled for training on this branch yet: step once."
        return Plot("accepted", "Accepted samples per round", empty=empty)
    title = f"Accepted samples per round, of {span_words(sampled)} sampled"
    return _over_rounds("accepted", title, lines, branches, bars=True)


def _accepted_line(label: str, branch: Branch) -> Line:
    last = branch[-1]
    return Line(
        label,
        _floats(range(len(branch))),
        _floats(r.accepted if r.sampled else math.nan for r in branch),
        total=_floats(r.sampled or math.nan for r in branch),
        end=f"{last.accepted:,} of {last.sampled:,}" if last.sampled else "",
    )


def _pass_at_k(branches: Sequence[Branch], level: int | None) -> Plot:
    if level is None:
        return _pass_at_k_of(_ends(branches[0]), ALL_LEVELS)
    return _pass_at_k_of([branch[-1] for branch in branches], level)


def _ends(branch: Branch) -> Branch:
    return [branch[0], branch[-1]] if len(branch) > 1 else branch


def _pass_at_k_of(rounds: Branch, level: int) -> Plot:
    ks = sorted({k for r in rounds for k in r.pass_at_k})
    lines = [
        metric_line(
            f"{name_of(r)} base" if r.round.parent is None else name_of(r),
            ((place, r.pass_at_k.get(k, {}).get(level)) for place, k in enumerate(ks)),
        )
        for r in rounds
        if r.pass_at_k
    ]
    counts = [by[level].n or 0 for r in rounds for by in r.pass_at_k.values() if level in by]
    names = " against ".join(line.label for line in lines)
    title = f"pass@k, {level_words(level)}: {names}, {_n(counts)}"
    if not lines:
        empty = "pass@k is not measured: set evaluation.samples to 1 or more, then step."
        return Plot("pass_at_k", "pass@k", empty=empty)
    return Plot(
        "pass_at_k",
        title,
        lines,
        "k",
        "chance that one of k samples passes",
        ticks={place: f"k={k}" for place, k in enumerate(ks)},
        limits=SHARE,
    )


def _entropy(branches: Sequence[Branch], level: int | None) -> Plot:
    title = "Entropy and unique answers"
    problems = [sum(r.levels.values()) for b in branches for r in b if r.entropy is not None]
    if not problems:
        empty = "This branch has no answers to count yet: step once, to the end of the round."
        return Plot("entropy", title, empty=empty)
    alone = len(branches) == 1
    lines = [line for b in branches for line in _entropy_lines(b, "" if alone else name_of(b[-1]))]
    note = "of a problem's answers, as shares of the most there can be: ln k nats, k answers"
    return _over_rounds(
        "entropy", f"{title}, {_n(problems)}", lines, branches, limits=SHARE, note=note
    )


def _entropy_lines(branch: Branch, name: str) -> list[Line]:
    """Make both figures shares of the most that k samples of a problem can have."""
    last, k = branch[-1], branch[-1].round.settings.draw.samples
    x = _floats(range(len(branch)))
    nats = "" if last.entropy is None else f"{last.entropy:.2f} nats"
    answers = "" if last.unique is None else f"{last.unique:.1f} of {k}"
    return [
        Line(f"{name} entropy".strip(), x, _floats(map(_entropy_share, branch)), end=nats),
        Line(f"{name} unique".strip(), x, _floats(map(_unique_share, branch)), end=answers),
    ]


def _entropy_share(r: RoundSummary) -> float:
    k = r.round.settings.draw.samples
    return math.nan if r.entropy is None or k < 2 else r.entropy / math.log(k)


def _unique_share(r: RoundSummary) -> float:
    return math.nan if r.unique is None else r.unique / r.round.settings.draw.samples


def _loss(branches: Sequence[Branch], level: int | None) -> Plot:
    tips = [branch[-1] for branch in branches]
    return loss_plot({name_of(tip): tip.losses for tip in tips}, why_no_losses(tips[-1]))


def why_no_losses(round_: RoundSummary) -> str:
    """Say why a round has no training loss."""
    if round_.round.parent is None:
        return f"{name_of(round_)} is the base: nothing was trained. Step once."
    return f"{name_of(round_)} took no training step yet."


def loss_plot(
    losses_by_name: Mapping[str, Sequence[float]],
    empty: str,
    steps_by_name: Mapping[str, Sequence[float]] | None = None,
) -> Plot:
    """Make the chart of training losses.

    Args:
        losses_by_name: In nats per completion token; of pairs in nats squared per pair.
        empty: What to say if there is no loss at all.
        steps_by_name: The step of each loss; without it they count from 1.
    """
    given = steps_by_name or {}
    lines = [
        Line(
            name,
            _floats(given.get(name, range(1, len(losses) + 1))),
            _floats(losses),
            end=f"{losses[-1]:.3f}",
        )
        for name, losses in losses_by_name.items()
        if len(losses)
    ]
    if not lines:
        return Plot("loss", "Training loss", empty=empty)
    names = " and ".join(line.label for line in lines)
    steps = max(int(line.x[-1]) for line in lines)
    title = f"Training loss of {names}, {steps:,} steps"
    note = "in nats per completion token (of pairs: squared, a pair)"
    return Plot("loss", title, lines, "step", "loss", note=note)


def _over_rounds(
    kind: str, title: str, lines: Sequence[Line], branches: Sequence[Branch], **rest: Any
) -> Plot:
    """Put a plot's rounds on its x axis: by name, or several branches by their length."""
    if len(branches) == 1:
        ticks = {float(place): name_of(r) for place, r in enumerate(branches[0])}
        last = float(len(branches[0]) - 1)
        return Plot(kind, title, lines, "round", KINDS[kind].lower(), ticks, shown=last, **rest)
    deepest = max(len(branch) for branch in branches)
    ticks = {float(place): f"+{place}" if place else "base" for place in range(deepest)}
    return Plot(kind, title, lines, "rounds since the base", KINDS[kind].lower(), ticks, **rest)


def metric_line(label: str, points: Iterable[tuple[float, Metric | None]]) -> Line:
    """Make a line of measured numbers with their intervals."""
    listed = list(points)
    figures = [metric for _, metric in listed]
    last = next((m.value for m in reversed(figures) if m is not None), None)
    return Line(
        label,
        _floats(x for x, _ in listed),
        _floats(math.nan if m is None else m.value for m in figures),
        _floats(math.nan if m is None or m.low is None else m.low for m in figures),
        _floats(math.nan if m is None or m.high is None else m.high for m in figures),
        end="" if last is None else _share_words(last),
    )


def level_words(level: int) -> str:
    """Name a level, or all of them.

    >>> level_words(0), level_words(3)
    ('all levels', 'level 3')
    """
    return f"level {level}" if level else "all levels"


def _share_words(value: float) -> str:
    """Write a share as the tables do: `.37`, `1.0`."""
    text = f"{value:.2f}"
    return "1.0" if text == "1.00" else text.removeprefix("0")


def _levels(rounds: Branch) -> list[int]:
    return sorted({level for r in rounds for level in r.accuracy if level})


def _counts(rounds: Branch) -> list[int]:
    return [m.n or 0 for r in rounds for level, m in r.accuracy.items() if level]


def _n(counts: Sequence[int]) -> str:
    return f"n={span_words(counts)}" if counts else "n=0"


def span_words(counts: Sequence[int]) -> str:
    """Write the least and the greatest of some counts; only one if they are equal."""
    few, many = min(counts), max(counts)
    return f"{few:,}" if few == many else f"{few:,} to {many:,}"


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)


Maker = Callable[[Sequence[Branch], int | None], Plot]
_MAKERS: Mapping[str, Maker] = {
    "accuracy": _accuracy,
    "accepted": _accepted,
    "pass_at_k": _pass_at_k,
    "entropy": _entropy,
    "loss": _loss,
}
