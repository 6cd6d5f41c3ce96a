"""The report's section on doing a study again: the exact commands, in order.

They are made from the rounds and people's decisions, so that they hold whoever drove
the study: a terminal, a script or a notebook. Samples get the same numbers again, for
everything is seeded; on another machine or with other versions floats may differ.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from sitool.errors import SitoolError
from sitool.events import RoundFinished
from sitool.html.markup import Markup, section, tag, text
from sitool.presets import build_settings, changed_settings
from sitool.records import Action, Decision, Phase
from sitool.store import Round, Store

DIR = "DIR"


def reproducing_section(store: Store) -> Markup:
    """Show the commands that make the study again."""
    commands = list(commands_of(store))
    note = (
        "In order, with a new folder for DIR. On one machine with the same versions and number of"
        " threads, CPU rounds come out bit by bit the same; elsewhere they may differ a little. A"
        " data file of your own has to lie where the settings say."
    )
    return section(
        "again", "How to reproduce it",
        tag("pre", [[text(command), Markup("\n")] for command in commands], class_="commands"),
        tag("p", note, class_="note"),
    )  # fmt: skip


def commands_of(store: Store) -> Iterator[str]:
    """Yield the commands that make the study again."""
    rounds, preset = store.tree.rounds(), store.tree.meta("preset")
    yield f"pip install 'sitool[report]=={version('sitool')}'"
    yield _new(rounds[0], preset)
    yield f"sitool run {DIR} --rounds 0"
    decisions, ends = store.decisions.made(), _ends(store)
    head, settings = rounds[0].id, rounds[0].settings
    for round_ in rounds[1:]:
        early, decisions = _until(decisions, round_.created)
        yield from map(_decide, early)
        if round_.redo_of is not None:
            yield f"sitool redo {DIR} {round_.redo_of}"
        else:
            if round_.parent != head and round_.parent is not None:
                yield f"sitool fork {DIR} {round_.parent}"
                settings = store.tree.round(round_.parent).settings
            changed = changed_settings(settings, round_.settings)
            if changed:
                yield f"sitool set {DIR} {_assignments(changed)}"
        during, decisions = _until(decisions, ends.get(round_.id, float("inf")))
        if round_.redo_of is None or not round_.finished:
            yield from _step(round_, during)
        head, settings = (round_.id, round_.settings) if round_.finished else (head, settings)
    yield from map(_decide, decisions)
    for round_ in rounds:
        yield from _measured(store, round_)
    yield f"sitool report {DIR} --output report.html"


def _step(round_: Round, during: Sequence[Decision]) -> Iterator[str]:
    """Run a round as it ran: stopped for people's decisions, or left where it was left."""
    if during:
        yield f"sitool step {DIR} --to select"
        yield from map(_decide, during)
    if round_.finished:
        yield f"sitool step {DIR}"
        return
    done = [phase for phase in Phase if round_.phase and _before(phase, round_.phase)]
    if done:
        yield f"sitool step {DIR} --to {done[-1].value}"
    if round_.status == "left":
        yield f"sitool undo {DIR}"


def _before(phase: Phase, other: Phase) -> bool:
    order = list(Phase)
    return order.index(phase) < order.index(other)


def _new(base: Round, preset: str) -> str:
    known = preset
    try:
        start = build_settings(preset or "path")
    except SitoolError:  # a preset that this sitool does not have
        known, start = "", build_settings("path")
    changed = changed_settings(start, base.settings)
    sets = "".join(f" --set {word}" for word in _assigned(changed))
    return f"sitool new {DIR} --preset {shlex.quote(known or 'path')}{sets}"


def _assignments(changed: Mapping[str, tuple[Any, Any]]) -> str:
    return " ".join(_assigned(changed))


def _assigned(changed: Mapping[str, tuple[Any, Any]]) -> Iterator[str]:
    """Write `name=value`, quoted for a shell; the value is TOML."""
    for path, (_, value) in changed.items():
        if value is not None:  # TOML has no word for nothing: another task has no such setting
            yield shlex.quote(f"{path}={_toml(value)}")


def _toml(value: Any) -> str:
    r"""Write a value as TOML.

    >>> _toml({1: 0.5}), _toml(["a", True]), _toml('say "x"')
    ('{"1" = 0.5}', '["a", true]', '"say \\"x\\""')
    """
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(str(key))} = {_toml(inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)


def _until(decisions: list[Decision], time: float) -> tuple[list[Decision], list[Decision]]:
    return [d for d in decisions if d.time < time], [d for d in decisions if d.time >= time]


def _decide(decision: Decision) -> str:
    """Write a decision as a command; a text may begin with a dash, so it comes last."""
    action, words = decision.action, [DIR, str(decision.sample)]
    if decision.reason and action in (Action.ACCEPT, Action.REJECT, Action.EDIT):
        words += ["--reason", decision.reason]
    if action is Action.EDIT:
        words += ["--", decision.text or ""]
    if action is Action.NOTE:
        words += ["--", decision.reason]
    return f"sitool {action.value} {' '.join(map(quoted, words))}"


def quoted(word: str) -> str:
    r"""Quote a word for bash or zsh; what cannot be printed is written in escapes.

    >>> print(quoted("a b"), quoted("a\nb"))
    'a b' $'a\U0000000ab'
    """
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_escaped, word)) + "'"


def _escaped(character: str) -> str:
    if character in "'\\":
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _measured(store: Store, round_: Round) -> Iterator[str]:
    """Yield what had judges score held-out samples later than the round itself did."""
    asked = [name for name, pool in store.samples.asked(round_.id) if pool == "evaluation"]
    later = [name for name in asked if name not in round_.settings.evaluation.verifiers]
    if later:
        words = " ".join(f"--verifier {shlex.quote(name)}" for name in later)
        yield f"sitool measure {DIR} --round {round_.id} {words}"


def _ends(store: Store) -> dict[int, float]:
    """Return when each round was finished, as the journal has it."""
    found: dict[int, float] = {}
    after = 0
    while page := store.journal.events(after):
        for number, time, event in page:
            after = number
            if isinstance(event, RoundFinished):
                found[event.round] = time
    return found
