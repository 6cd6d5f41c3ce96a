"""Settings while a person edits them: what was typed, what is wrong with it, what it changes.

It knows no widgets; `fields.py` draws a setting and `form.py` all of them.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from sitool import registry
from sitool.config import Settings
from sitool.errors import ConfigError
from sitool.front.declared import Setting, settings_of, written
from sitool.presets import build_settings, parse_assignment

EXAMPLES = {
    "curriculum.weights": "{ 5 = 1.0, 6 = 2.0 }",
    "verifier.names": '["truth"]',
    "verifier.measure": '["truth"]',
    "selection.verifiers": '["truth"]',
    "evaluation.verifiers": '["mc"]',
}


class Draft:
    """Settings under edit.

    Args:
        settings: What the edits start from.
        reference: What changes are marked against; None is `settings`.
    """

    def __init__(self, settings: Settings, reference: Settings | None = None) -> None:
        self._start = settings
        self._table = settings.model_dump(mode="json")
        self._compared = (reference or settings).model_dump(mode="json")
        self._typed: dict[str, str] = {}
        self.complaints: dict[str, str] = {}
        self._set_task(settings.task.name)

    @property
    def settings(self) -> list[Setting]:
        """Every setting of a study on the task that is chosen."""
        return self._settings

    @property
    def groups(self) -> list[str]:
        """The tables, in the order of their declaration."""
        return list(dict.fromkeys(s.group for s in self._settings))

    @property
    def task(self) -> str:
        """The name of the task that is chosen."""
        return self._task

    def find(self, path: str) -> Setting:
        """Return one setting."""
        return self._by_path[path]

    def __contains__(self, path: str) -> bool:
        return path in self._by_path

    def text(self, path: str) -> str:
        """Return a setting as it is typed now."""
        return self._typed.get(path, written(self._started(path)))

    def type(self, path: str, text: str) -> None:
        """Take in what a person typed, and look again at what is wrong."""
        self._typed[path] = text
        if path == "task.name" and text in registry.names("task") and text != self._task:
            self._typed = {p: t for p, t in self._typed.items() if not p.startswith("task.")}
            self._typed[path] = text
            self._set_task(text)
        self._check()

    def was(self, path: str) -> str:
        """Return what a setting is compared with."""
        return written(_look_up(self._compared, path, self.find(path).default))

    def differs(self, path: str) -> bool:
        """Whether a setting is another than the one it is compared with."""
        compared = _look_up(self._compared, path, self.find(path).default)
        return not _same(self._value(path), compared)

    def differing(self, group: str) -> int:
        """Count the settings of a table that differ."""
        return sum(self.differs(s.path) for s in self._settings if s.group == group)

    def assignments(self) -> list[str]:
        """Return what was changed from where the edits began, as `a.b=value` texts."""
        return [
            f"{path}={self._literal(path)}"
            for path in self._typed
            if not _same(self._value(path), self._started(path))
            or (path == "task.name" and self._task != self._start.task.name)
        ]

    def moved_to(self, settings: Settings) -> "Draft":
        """Return the same edits over other settings, as far as those have them."""
        other = Draft(settings)
        edited = [path for path in self._typed if not _same(self._value(path), self._started(path))]
        for path in sorted(edited, key=lambda path: path != "task.name"):
            if path in other._by_path:
                other.type(path, self._typed[path])
        return other

    def found(self, words: str) -> list[Setting]:
        """Return the settings whose name or help has every one of some words."""
        wanted = words.lower().split()
        return [
            s for s in self._settings if all(w in f"{s.path} {s.about}".lower() for w in wanted)
        ]

    def build(self) -> Settings:
        """Make the settings.

        Raises:
            ConfigError: Something is wrong.
        """
        return build_settings(assignments=self.assignments(), base=self._start)

    def _set_task(self, task: str) -> None:
        self._task = task
        self._settings = settings_of(task)
        self._by_path = {s.path: s for s in self._settings}

    def _started(self, path: str) -> Any:
        table = self._table
        if path.startswith("task.") and self._task != self._start.task.name:
            table = {"task": {"name": self._task}}
        return _look_up(table, path, self.find(path).default)

    def _value(self, path: str) -> Any:
        """Return a setting as a value; what is no value of its kind stays text."""
        text, setting = self.text(path), self.find(path)
        try:
            return _parsed(setting, text)
        except ValueError:
            return text

    def _literal(self, path: str) -> str:
        """Write a value so that `parse_assignment` reads the same value."""
        value = self._value(path)
        if not isinstance(value, str):
            return self.text(path).strip() if isinstance(value, (dict, list)) else written(value)
        if value and parse_assignment(f"x={value}")[1] == value:
            return value
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

    def _check(self) -> None:
        self.complaints = dict(self._unreadable())
        try:
            self.build()
        except ConfigError as error:
            for place, said in _placed(error.message, self._by_path, self.groups):
                self.complaints.setdefault(place, said)

    def _unreadable(self) -> Iterator[tuple[str, str]]:
        for path in self._typed:
            setting = self.find(path)
            try:
                _parsed(setting, self._typed[path])
            except ValueError as error:
                yield path, str(error)


def _parsed(setting: Setting, text: str) -> Any:
    """Read what was typed.

    Raises:
        ValueError: It is no value of the setting's kind; says what is.
    """
    text = text.strip()
    match setting.kind:
        case "switch":
            return text == "true"
        case "whole" | "number":
            return _number(text, whole=setting.kind == "whole")
        case "toml":
            return _toml(setting, text)
    return None if setting.optional and not text else text


def _number(text: str, *, whole: bool) -> float:
    try:
        # A seed has more digits than a float.
        return int(text) if whole else float(text)
    except ValueError:
        raise ValueError(f"It must be a {'whole ' * whole}number.") from None


def _toml(setting: Setting, text: str) -> Any:
    example = EXAMPLES.get(setting.path, written(setting.default))
    try:
        value = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        value = None
    if not isinstance(value, dict if isinstance(setting.default, dict) else list):
        raise ValueError(f"It must be written like {example}.")
    return value


def _placed(
    message: str, paths: Mapping[str, Setting], groups: list[str]
) -> Iterator[tuple[str, str]]:
    """Say of each complaint which setting or table it is about; empty: none that is known."""
    lines = message.splitlines()
    for line in (part.removeprefix("  - ") for part in (lines[1:] or lines)):
        place = next((p for p in sorted(paths, key=len, reverse=True) if _is_about(line, p)), "")
        if place:
            rest = line.removeprefix(place)
            # "a.b is 0: it must be …": the value is on the screen already.
            known = rest.rpartition(": ")[2] if " is " in rest and ": it must" in rest else line
            yield place, _sentence(known)
            continue
        group = next((g for g in groups if line.startswith(f"{g}: ")), "")
        said = _sentence(line.removeprefix(f"{group}: "))
        named = [f"{group}.{name}" for name in re.findall(r"(\w+) \(", line)]
        # What two settings together have wrong is said at both.
        yield from ((path, said) for path in named if path in paths)
        if not any(path in paths for path in named):
            verifiers = "verifier.names" if line.startswith("No verifier ") else group
            yield verifiers, said


def _is_about(line: str, path: str) -> bool:
    return line.startswith(path) and line[len(path) : len(path) + 1] in " :."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _same(one: Any, other: Any) -> bool:
    """Compare values; the keys of tables are text in TOML and in JSON."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {str(k): v for k, v in one.items()} == {str(k): v for k, v in other.items()}
    return bool(one == other)


def _look_up(table: Mapping[str, Any], path: str, default: Any) -> Any:
    place: Any = table
    for step in path.split("."):
        if not isinstance(place, Mapping) or step not in place:
            return list(default) if isinstance(default, tuple) else default
        place = place[step]
    return place
