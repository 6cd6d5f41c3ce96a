"""One setting as a form draws it, made from its declaration in `config/`.

Knows no widgets, and nothing of what a person types (`tui/draft.py`).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sitool import registry
from sitool.config import Settings, TaskSettings
from sitool.presets import SettingInfo, describe_settings

Kind = Literal["choice", "switch", "whole", "number", "text", "toml"]
STUDY = "study"
"""The group of what stands outside all tables."""

PARTS = {"sampler.name": "sampler", "trainer.name": "trainer", "task.name": "task"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as a form draws it.

    Attributes:
        choices: What it may be, for a choice.
        low, high: Its bounds, where it has them.
        open_low: Whether `low` itself is excluded.
        optional: Whether nothing at all is a value.
    """

    path: str
    kind: Kind
    default: Any
    about: str
    unit: str
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    optional: bool = False

    @property
    def group(self) -> str:
        """Return the table that it is in."""
        return self.path.rpartition(".")[0] or STUDY

    @property
    def name(self) -> str:
        """Return its name inside its table."""
        return self.path.rpartition(".")[2]

    @property
    def allowed(self) -> str:
        """Say what it may be; nothing where its editor shows it."""
        if self.kind not in ("whole", "number"):
            return ""
        words = []
        if self.low > -math.inf and self.high < 2**62 and not self.open_low:
            return f"{self.low:,.12g} to {self.high:,.12g}"
        if self.low > -math.inf:
            words.append(f"{'above' if self.open_low else 'at least'} {self.low:,g}")
        if self.high < 2**62:
            words.append(f"at most {self.high:,.12g}")
        return ", ".join(words)


def settings_of(task: str) -> list[Setting]:
    """List every setting of a study on a task, in the order of their declaration."""
    others = tuple(f"[{name}] " for name in registry.names("task") if name != task)
    return [
        _setting(info, task) for info in describe_settings() if not info.about.startswith(others)
    ]


def about_group(group: str, task: str) -> str:
    """Say what a table of settings is for, in a sentence."""
    if group == STUDY:
        return "What holds for all rounds."
    return (_model(group, task).__doc__ or "").partition("\n")[0]


def written(value: Any) -> str:
    """Write a value the way a person types it.

    >>> written(0.002), written(True), written({5: 1.0}), written(["truth"])
    ('0.002', 'true', '{ 5 = 1 }', '["truth"]')
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.12g}"
        case Mapping():
            inside = ", ".join(f"{key} = {written(item)}" for key, item in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            return json.dumps(list(value), ensure_ascii=False)
    return str(value)


def stepped(setting: Setting, text: str, direction: int, *, fast: bool = False) -> str:
    """Return a number one step up or down; a fast one doubles or halves it.

    Whole numbers go by 1. Others go by 1 in their first digit, so that a learning
    rate of 0.002 becomes 0.003, and 0.001 becomes 0.0009; shares go by 0.05.
    """
    try:
        value = float(text)
    except ValueError:
        value = float(setting.default or 0)
    if fast:
        moved = value * 2**direction if value else float(direction)
        moved = math.floor(moved) if setting.kind == "whole" else moved
    else:
        moved = value + direction * _step(setting, value, direction)
    moved = min(max(moved, setting.low), setting.high)
    if setting.open_low and moved <= setting.low:
        moved = value / 2
    return written(int(moved) if setting.kind == "whole" else float(f"{moved:.6g}"))


def _step(setting: Setting, value: float, direction: int) -> float:
    if setting.kind == "whole":
        return 1
    if setting.low == 0 and setting.high <= 1 and value >= 0.05 and not setting.open_low:
        return 0.05
    if not value:
        return 0.05 if setting.high <= 1 else 0.1
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    at_power = math.isclose(abs(value), 10.0**exponent)
    return 10.0 ** (exponent - (at_power and direction * value < 0))


def _model(group: str, task: str) -> type[BaseModel]:
    if group == "task":
        kinds = get_args(get_args(TaskSettings)[0])
        found_task: type[BaseModel] = next(
            k for k in kinds if k.model_fields["name"].default == task
        )
        return found_task
    found: BaseModel = getattr(Settings(), group)
    return type(found)


def _setting(info: SettingInfo, task: str) -> Setting:
    group, _, name = info.path.rpartition(".")
    field = (_model(group, task) if group else Settings).model_fields[name]
    choices = _choices(info.path, field)
    default = task if info.path == "task.name" else info.default
    return Setting(
        path=info.path,
        kind="choice" if choices else _kind(field),
        default=default,
        about=info.about.removeprefix(f"[{task}] "),
        unit=info.unit,
        choices=choices,
        low=_bound(field, ("ge", "gt"), -math.inf),
        high=_bound(field, ("le", "lt"), math.inf),
        open_low=_bound(field, ("gt",), -math.inf) > -math.inf,
        optional=type(None) in get_args(field.annotation),
    )


def _choices(path: str, field: FieldInfo) -> tuple[str, ...]:
    if path in PARTS:
        return registry.names(PARTS[path])
    words = get_args(field.annotation)
    return words if words and all(isinstance(word, str) for word in words) else ()


def _kind(field: FieldInfo) -> Kind:
    kinds: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text"}
    if isinstance(field.get_default(call_default_factory=True), (dict, tuple, list)):
        return "toml"
    return kinds.get(field.annotation, "text")


def _bound(field: FieldInfo, names: tuple[str, ...], default: float) -> float:
    found = [
        float(value)
        for rule in field.metadata
        for name in names
        if (value := getattr(rule, name, None)) is not None
    ]
    return found[0] if found else default
