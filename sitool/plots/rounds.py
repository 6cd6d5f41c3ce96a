"""The plots of the rounds that lead to one, and of two branches over one another.

What this leaves out: the maps and the losses of a whole branch (`branches.py`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sitool.errors import StudyError, UnknownNameError
from sitool.measure import ALL_LEVELS
from sitool.plots.shapes import (
    SHARE,
    Line,
    Measured,
    Plot,
    doublings,
    figure_line,
    floats,
    level_words,
    n_words,
    span_words,
)
from sitool.summary import RoundSummary, Summary

Branch = Sequence[RoundSummary]

KINDS: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "accepted": "Accepted",
    "pass_at_k": "pass@k",
    "entropy": "Entropy",
    "loss": "Loss",
}
"""The charts there are: name -> what its tab says."""


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


def base_name(number: int, parent: int | None) -> str:
    """Return a round's name on a chart that sets rounds against the base.

    >>> base_name(0, None), base_name(3, 2)
    ('r0 base', 'r3')
    """
    return f"r{number} base" if parent is None else f"r{number}"


def ids_of(branch: Branch) -> list[int]:
    """Return the numbers of rounds."""
    return [r.round.id for r in branch]


def _accuracy(branches: Sequence[Branch], level: int | None) -> Plot:
    measured = [r for branch in branches for r in branch if r.accuracy]
    if not measured:
        empty = f"{name_of(branches[0][-1])} is not evaluated yet: step to the end of the round."
        return Plot("accuracy", "Accuracy by level", empty=empty)
    if level is not None:
        return _accuracy_of(branches, level)
    return _accuracy_of_base(measured[0]) if len(measured) == 1 else _accuracy_by_level(branches[0])


def _accuracy_by_level(branch: Branch) -> Plot:
    rounds = ids_of(branch)
    lines = [
        figure_line(
            f"level {level}",
            enumerate(r.accuracy.get(level) for r in branch),
            picks={"level": [level] * len(branch), "round": rounds},
        )
        for level in _levels(branch)
    ]
    title = f"Accuracy by level over rounds, {n_words(_counts(branch))} each"
    return _over_rounds("accuracy", title, lines, [branch], limits=SHARE)


def _accuracy_of(branches: Sequence[Branch], level: int) -> Plot:
    lines = [
        figure_line(
            name_of(b[-1]),
            enumerate(r.accuracy.get(level) for r in b),
            picks={"round": ids_of(b)},
        )
        for b in branches
    ]
    counts = [r.accuracy[level].n or 0 for b in branches for r in b if level in r.accuracy]
    title = f"Accuracy, {level_words(level)}, {n_words(counts)}"
    return _over_rounds("accuracy", title, lines, branches, limits=SHARE)


def _accuracy_of_base(only: RoundSummary) -> Plot:
    levels = _levels([only])
    line = figure_line(
        name_of(only),
        ((level, only.accuracy[level]) for level in levels),
        picks={"level": levels, "round": [only.round.id] * len(levels)},
    )
    return Plot(
        "accuracy",
        f"Accuracy of {name_of(only)} by level, {n_words(_counts([only]))} each",
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
        floats(range(len(branch))),
        floats(r.accepted if r.sampled else math.nan for r in branch),
        total=floats(r.sampled or math.nan for r in branch),
        end=f"{last.accepted:,} of {last.sampled:,}" if last.sampled else "",
        picks={"round": ids_of(branch)},
    )


def _pass_at_k(branches: Sequence[Branch], level: int | None) -> Plot:
    if level is None:
        return _pass_at_k_of(_ends(branches[0]), ALL_LEVELS)
    return _pass_at_k_of([branch[-1] for branch in branches], level)


def _ends(branch: Branch) -> Branch:
    return [branch[0], branch[-1]] if len(branch) > 1 else branch


def _pass_at_k_of(rounds: Branch, level: int) -> Plot:
    measured = {
        base_name(r.round.id, r.round.parent): {
            k: by_level[level] for k, by_level in r.pass_at_k.items() if level in by_level
        }
        for r in rounds
        if r.pass_at_k
    }
    if not any(measured.values()):
        empty = "pass@k is not measured: set evaluation.samples to 1 or more, then step."
        return Plot("pass_at_k", "pass@k", empty=empty)
    counts = [figure.n or 0 for by_k in measured.values() for figure in by_k.values()]
    title = f"pass@k, {level_words(level)}: {' against '.join(measured)}, {n_words(counts)}"
    return pass_at_k_plot(title, measured)


def pass_at_k_plot(
    title: str, measured: Mapping[str, Mapping[int, Measured]], note: str = ""
) -> Plot:
    """Plot the chance that one of k samples passes, over doublings of k.

    Args:
        measured: Name of a round -> k -> the figure.
    """
    ks = sorted({k for by_k in measured.values() for k in by_k})
    places = doublings(ks)
    return Plot(
        "pass_at_k",
        title,
        [
            figure_line(name, zip(places, map(by_k.get, ks), strict=True))
            for name, by_k in measured.items()
        ],
        "k",
        "chance that one of k samples passes",
        ticks={place: f"k={k}" for place, k in zip(places, ks, strict=True)},
        limits=SHARE,
        note=note,
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
        "entropy", f"{title}, {n_words(problems)}", lines, branches, limits=SHARE, note=note
    )


def _entropy_lines(branch: Branch, name: str) -> list[Line]:
    """Make both figures shares of the most that k samples of a problem can have."""
    last, k = branch[-1], branch[-1].round.settings.draw.samples
    nats = "" if last.entropy is None else f"{last.entropy:.2f} nats"
    answers = "" if last.unique is None else f"{last.unique:.1f} of {k}"
    measures = (("entropy", _entropy_share, nats), ("unique", _unique_share, answers))
    return [
        Line(
            f"{name} {word}".strip(),
            floats(range(len(branch))),
            floats(map(share, branch)),
            n=floats(sum(r.levels.values()) for r in branch),
            end=end,
            picks={"round": ids_of(branch)},
        )
        for word, share, end in measures
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
            floats(given.get(name, range(1, len(losses) + 1))),
            floats(losses),
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


def _levels(rounds: Branch) -> list[int]:
    return sorted({level for r in rounds for level in r.accuracy if level})


def _counts(rounds: Branch) -> list[int]:
    return [m.n or 0 for r in rounds for level, m in r.accuracy.items() if level]


Maker = Callable[[Sequence[Branch], int | None], Plot]
_MAKERS: Mapping[str, Maker] = {
    "accuracy": _accuracy,
    "accepted": _accepted,
    "pass_at_k": _pass_at_k,
    "entropy": _entropy,
    "loss": _loss,
}
