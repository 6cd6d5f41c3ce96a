"""The report's account of a study: its figures at a glance, its rounds, its settings."""

from collections.abc import Iterator, Mapping
from typing import Any

from sitool.config import Settings
from sitool.errors import SitoolError
from sitool.html.figures import NOTHING, difference, duration, figure, moment
from sitool.html.markup import Child, Markup, bullets, folded, join, section, table, tag
from sitool.presets import build_settings, changed_settings, describe_settings, flat_settings
from sitool.summary import Comparison, RoundSummary, Summary, advice

STATUS = {"open": "under way", "left": "left", "finished": ""}


def glance(summary: Summary, shown: RoundSummary, since_base: Comparison | None) -> Markup:
    """Say in a few figures what came of the study."""
    first = summary.rounds[0]
    facts: list[tuple[str, Child]] = [
        ("accuracy of the base", figure(first.overall)),
        (f"accuracy of r{shown.round.id}", figure(shown.overall)),
    ]
    if since_base is not None and 0 in since_base.difference:
        facts.append(("difference, same problems", difference(since_base.difference[0])))
        facts.append(("newly solved, lost", f"{len(since_base.gained)}, {len(since_base.lost)}"))
    facts += [
        ("rounds of all branches", len(summary.rounds) - 1),
        ("samples drawn for training", sum(r.sampled for r in summary.rounds)),
        ("time of all rounds", duration(sum(r.round.seconds for r in summary.rounds))),
    ]
    cells = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts]
    note = (
        "Accuracy is greedy and strict (format and answer) on held-out problems, with 95 %"
        " intervals: Wilson's; of a difference, a paired bootstrap over problems."
    )
    return section(
        "glance", "At a glance", tag("dl", *cells, class_="facts"),
        tag("p", advice(summary)), tag("p", note, class_="note"),
    )  # fmt: skip


def rounds_section(summary: Summary) -> Markup:
    """Show the tree of rounds, and accuracy by level with intervals."""
    heads = ("round", "from", "status", "accepted", "accuracy, all levels", "flexible", "time",
             "what changed")  # fmt: skip
    rows = [_round_row(summary, r, depth) for r, depth in depths(summary)]
    levels = sorted({level for r in summary.rounds for level in r.accuracy if level})
    by_level = table(
        ("round", *(f"level {level}" for level in levels)),
        [
            (r.round.label, *(figure(r.accuracy.get(level)) for level in levels))
            for r in summary.rounds
        ],
    )
    note = "● is the head, which the next round starts from. Flexible: the answer found anywhere."
    return section(
        "rounds", "The tree of rounds",
        table(heads, rows, numbers_from=len(heads)), tag("p", note, class_="note"),
        tag("h3", "Accuracy by level"), by_level,
    )  # fmt: skip


def depths(summary: Summary) -> Iterator[tuple[RoundSummary, int]]:
    """Yield the rounds branch by branch, each with how many forks lie above it."""
    children: dict[int | None, list[RoundSummary]] = {}
    for r in summary.rounds:
        children.setdefault(r.round.parent, []).append(r)
    waiting = [(r, 0) for r in reversed(children.get(None, []))]
    while waiting:
        r, depth = waiting.pop()
        yield r, depth
        below = children.get(r.round.id, [])
        deeper = depth + (len(below) > 1)
        waiting += [(child, deeper) for child in reversed(below)]


def _round_row(summary: Summary, r: RoundSummary, depth: int) -> tuple[Child, ...]:
    is_base = r.round.parent is None
    head = " ●" if r.round.id == summary.head else ""
    return (
        tag("span", f"{'└ ' * bool(depth)}{r.round.label}{head}", class_="indent",
            style=f"--depth:{depth}"),
        NOTHING if is_base else f"r{r.round.parent:04d}",
        STATUS.get(r.round.status, r.round.status),
        NOTHING if is_base else f"{r.accepted:,} of {r.sampled:,}",
        figure(r.overall),
        figure(r.flexible.get(0)),
        duration(r.round.seconds),
        join(_changes(r)),
    )  # fmt: skip


def _changes(r: RoundSummary) -> Iterator[Child]:
    if r.round.redo_of is not None:
        yield f"selected again from the samples of r{r.round.redo_of:04d}. "
    if r.overruled:
        yield f"{r.overruled} overruled by people. "
    for path, (before, after) in r.changes.items():
        yield tag("div", tag("code", path), f": {said(before)} → {said(after)}")


def said(value: Any) -> str:
    """Write a setting's value.

    >>> said(True), said(0.5), said(None), said(["a"])
    ('true', '0.5', 'none', 'a')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(map(said, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {said(inner)}" for key, inner in value.items()) or "none"
    return str(value)


def settings_section(summary: Summary, preset: str) -> Markup:
    """Show what differs from the preset and the defaults, and between rounds."""
    first = summary.rounds[0].round.settings
    known = _preset_settings(preset)
    from_defaults = changed_settings(Settings(), first)
    from_preset = changed_settings(known, first) if known else {}
    about = {info.path: info.about for info in describe_settings()}
    rows = [
        (tag("code", path), said(before), said(after),
         "of this study" if path in from_preset or not known else f"preset {preset}",
         about.get(path, ""))
        for path, (before, after) in from_defaults.items()
    ]  # fmt: skip
    back = [path for path in from_preset if path not in from_defaults]
    heads = ("setting", "default", "here", "from", "what it is")
    every = [(tag("code", path), said(value)) for path, value in flat_settings(first).items()]
    return section(
        "settings",
        "Settings",
        tag("p", f"Preset: {preset or 'none'}. What differs from the defaults in round 0:"),
        table(heads, rows, numbers_from=len(heads)) if rows else tag("p", "Nothing differs."),
        tag("p", f"Set back to the default: {', '.join(back)}.") if back else None,
        tag("p", "What changed from round to round:"),
        bullets(_between_rounds(summary)),
        folded(
            "All settings of round 0",
            table(("setting", "value"), every, numbers_from=2),
        ),
    )


def _preset_settings(preset: str) -> Settings | None:
    try:
        return build_settings(preset) if preset else None
    except SitoolError:  # a preset that this sitool does not have
        return None


def _between_rounds(summary: Summary) -> list[Child]:
    changed = [
        join([f"{r.round.label}, from r{r.round.parent:04d}: ", *_changes(r)])
        for r in summary.rounds
        if r.changes and r.round.parent is not None
    ]
    return [*changed] or ["Nothing: all rounds ran with the same settings."]


def started(summary: Summary) -> str:
    """Say when the study began and when its last round did."""
    first, last = summary.rounds[0].round, summary.rounds[-1].round
    return f"{moment(first.created)} to {moment(last.created)} (start of the last round)"
