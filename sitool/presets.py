"""From files and words to settings: presets, TOML, `--set`, and mistakes in words.

A preset is a TOML file in `presets/` that names what differs from the defaults.
All mistakes are reported at once, each with the value that was given, what is
allowed, and the nearest known name.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sitool import registry
from sitool.config import Settings, TaskSettings
from sitool.errors import ConfigError, SitoolError, UnknownNameError, did_you_mean

PRESET_FOLDER = files("sitool") / "presets"
Table = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of settings.

    Attributes:
        about: One sentence: what it shows, and why.
        table: What differs from the defaults.
    """

    name: str
    about: str
    table: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One setting as a form or a list shows it.

    Attributes:
        path: Such as `trainer.learning_rate`.
        allowed: Its type or bounds in words.
    """

    path: str
    default: Any
    allowed: str
    unit: str
    about: str


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return sorted(
        f.name.removesuffix(".toml") for f in PRESET_FOLDER.iterdir() if f.name.endswith(".toml")
    )


def load_preset(name: str) -> Preset:
    """Read a preset.

    Raises:
        UnknownNameError: No such preset.
    """
    if name not in preset_names():
        raise UnknownNameError("preset", name, preset_names(), "try: sitool presets")
    table = tomllib.loads((PRESET_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return Preset(name, table.pop("about"), table)


def read_settings_file(path: Path) -> Table:
    """Read a TOML file of settings.

    Raises:
        ConfigError: The file is missing or is not TOML; says where it breaks.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"The settings file {str(path)!r} cannot be read: {error.strerror}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {str(path)!r} is not TOML: {error}.") from error


def parse_assignment(text: str) -> tuple[list[str], Any]:
    """Read one `a.b=value`; the value is TOML, and a bare word is a string.

    >>> parse_assignment("draw.problems=64")
    (['draw', 'problems'], 64)
    >>> parse_assignment("curriculum.rule=fixed")
    (['curriculum', 'rule'], 'fixed')

    Raises:
        ConfigError: There is no `=`.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{text!r} is not of the form name=value.", "try: --set draw.problems=64")
    try:
        (parsed,) = tomllib.loads(f"x = {value}").values()
    except ValueError:
        parsed = value.strip()
    return name.strip().split("."), parsed


def assign(table: Table, assignments: Sequence[str]) -> Table:
    """Return the table with `a.b=value` assignments made, later ones last."""
    changed = _copy(table)
    for text in assignments:
        path, value = parse_assignment(text)
        place = changed
        for step in path[:-1]:
            inner = place.get(step)
            place[step] = place = dict(inner) if isinstance(inner, Mapping) else {}
        place[path[-1]] = value
    return changed


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> Table:
    """Lay one table over another, table by table.

    A task of another name brings its own settings and none of the former one's.
    """
    merged = _copy(base)
    for name, value in change.items():
        old = merged.get(name)
        tables = isinstance(old, Mapping) and isinstance(value, Mapping)
        if tables and not _changes_task(name, old, value) and name != "weights":
            merged[name] = merge(old or {}, value)
        else:
            merged[name] = value
    return merged


def build_settings(
    preset: str | None = None,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    base: Settings | None = None,
) -> Settings:
    """Make settings from a preset, then a file, then assignments; later ones win.

    Raises:
        ConfigError: Something is wrong; the message names every mistake.
    """
    table = (base or Settings()).model_dump(mode="json")
    if preset is not None:
        table = merge(table, load_preset(preset).table)
    if file is not None:
        table = merge(table, read_settings_file(file))
    return parse_settings(merge(table, assign({}, assignments)))


def parse_settings(table: Mapping[str, Any]) -> Settings:
    """Check a table and make settings of it.

    Raises:
        ConfigError: Names every mistake, with the nearest known name.
    """
    try:
        settings = Settings.model_validate(dict(table))
    except ValidationError as error:
        complaints = [_complaint(mistake) for mistake in error.errors()]
        raise ConfigError(_listed(complaints), "try: sitool settings") from error
    complaints = list(_unknown_parts(settings))
    if complaints:
        raise ConfigError(_listed(complaints), "try: sitool settings")
    return settings


def describe_settings() -> list[SettingInfo]:
    """List every setting with its default, its bounds and its help."""
    return list(_describe(Settings, ""))


def changed_settings(before: Settings, after: Settings) -> dict[str, tuple[Any, Any]]:
    """Return what differs, as path -> (before, after)."""
    old, new = flat_settings(before), flat_settings(after)
    paths = sorted(old.keys() | new.keys())
    return {p: (old.get(p), new.get(p)) for p in paths if old.get(p) != new.get(p)}


def flat_settings(settings: Settings) -> dict[str, Any]:
    """Return every setting's value by its path."""
    return _flat(settings.model_dump(mode="json"), "")


def _copy(table: Mapping[str, Any]) -> Table:
    return {k: _copy(v) if isinstance(v, Mapping) else v for k, v in table.items()}


def _changes_task(name: str, old: Any, new: Any) -> bool:
    return name == "task" and "name" in new and new["name"] != old.get("name")


def _flat(table: Mapping[str, Any], prefix: str) -> Table:
    flat: Table = {}
    for name, value in table.items():
        if isinstance(value, Mapping) and name != "weights":
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _listed(complaints: Sequence[str]) -> str:
    if len(complaints) == 1:
        return complaints[0]
    return "\n".join([f"{len(complaints)} settings are wrong:", *(f"  - {c}" for c in complaints)])


def _complaint(mistake: Mapping[str, Any]) -> str:
    """Say one mistake of pydantic's in our words."""
    place = [str(step) for step in mistake["loc"]]
    task = place.pop(1) if place[:1] == ["task"] and len(place) > 1 else ""
    name, given = ".".join(place), mistake.get("input")
    said = _in_our_words(mistake["msg"])
    match mistake["type"]:
        case "extra_forbidden" if task:
            known = [f for g in _task_groups() if _task_name(g) == task for f in g.model_fields]
            return (
                f"The task {task!r} has no setting {place[-1]!r}."
                f"{did_you_mean(place[-1], known)} It has: {', '.join(known)}."
            )
        case "extra_forbidden":
            known = [info.path for info in describe_settings()] + list(Settings.model_fields)
            return f"There is no setting {name!r}.{did_you_mean(name, known)}"
        case "union_tag_invalid":
            wanted = str(mistake["ctx"]["tag"])
            return UnknownNameError("task", wanted, _task_names()).message
        case "union_tag_not_found":
            return "task needs a name, such as task.name=path."
        case "value_error":
            # One of all settings together has no name, and says which they are.
            return f"{name}: {said}." if name else f"{said}."
    return f"{name} is {given!r}: {said}."


def _in_our_words(message: str) -> str:
    """Bring pydantic's message into the tone of the others.

    >>> _in_our_words("Input should be greater than or equal to 1")
    'it must be at least 1'
    """
    said = message.removeprefix("Value error, ")
    for theirs, ours in (
        ("Input should be", "it must be"),
        ("greater than or equal to", "at least"),
        ("less than or equal to", "at most"),
        ("greater than", "above"),
        ("less than", "below"),
        ("a valid integer, unable to parse string as an integer", "a whole number"),
        ("a valid number, unable to parse string as a number", "a number"),
        ("a valid boolean, unable to interpret input", "true or false"),
        ("a valid string", "text"),
        ("String should have at least 1 character", "it must not be empty"),
    ):
        said = said.replace(theirs, ours)
    return said


def _unknown_parts(settings: Settings) -> Iterator[str]:
    wanted = [("sampler", settings.sampler.name), ("trainer", settings.trainer.name)]
    for kind, name in wanted:
        try:
            registry.check_name(kind, name)
        except SitoolError as error:
            yield error.message
    yield from _unknown_verifiers(settings)
    for name in sorted(set(settings.selection.verifiers) - {*settings.verifier.names, "human"}):
        yield (
            f"selection.verifiers has {name!r}, which verifier.names does not run;"
            f" it runs: {', '.join(settings.verifier.names)}."
        )


def _unknown_verifiers(settings: Settings) -> Iterator[str]:
    """Say which names no verifier answers to, and in which setting."""
    of_people = [name for name in settings.selection.verifiers if name == "human"]
    lists = {
        "verifier.names": settings.verifier.names,
        "verifier.measure": settings.verifier.measure,
        "evaluation.verifiers": settings.evaluation.verifiers,
        "selection.verifiers": of_people,
    }
    for place, names in lists.items():
        for name in dict.fromkeys(names):
            try:
                registry.check_verifier(name)
            except UnknownNameError as error:
                yield error.message if place == "verifier.names" else f"{place}: {error.message}"
            except SitoolError as error:
                yield f"{place}: {error.message}"


def _task_names() -> list[str]:
    return [_task_name(group) for group in _task_groups()]


def _task_name(group: type[BaseModel]) -> str:
    return str(group.model_fields["name"].default)


def _task_groups() -> tuple[type[BaseModel], ...]:
    return get_args(get_args(TaskSettings)[0])


def _describe(group: type[BaseModel], prefix: str) -> Iterator[SettingInfo]:
    for name, field in group.model_fields.items():
        kind = field.annotation
        if prefix == "" and name == "task":
            yield SettingInfo("task.name", "path", ", ".join(_task_names()), "", "Which task.")
            for task_group in _task_groups():
                about = f"[{_task_name(task_group)}] "
                for info in _describe(task_group, "task."):
                    if info.path != "task.name":
                        yield SettingInfo(
                            info.path, info.default, info.allowed, info.unit, about + info.about
                        )
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _describe(kind, f"{prefix}{name}.")
        else:
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            yield SettingInfo(
                f"{prefix}{name}",
                field.get_default(call_default_factory=True),
                _allowed(kind, field.metadata),
                str(extra.get("unit", "")),
                field.description or "",
            )


def _allowed(kind: Any, metadata: Sequence[Any]) -> str:
    """Say in words what a setting may be."""
    choices = get_args(kind)
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(choices)
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [
        f"{sign} {getattr(rule, name):g}"
        for rule in metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None and getattr(rule, name) < 2**62
    ]
    words = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    word = words.get(
        kind, "table" if "dict" in str(kind) else "list" if "tuple" in str(kind) else "text"
    )
    return " ".join([word, ", ".join(bounds)]).strip()
