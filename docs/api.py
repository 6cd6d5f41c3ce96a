"""Writes the reference in docs/api.md from the docstrings: `python docs/api.py`.

What stands above the line `MARK` is written by hand and kept; its examples are run by
`tests/test_api.py`, which also looks that the reference is up to date.
"""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import sitool

FILE = Path(__file__).with_name("api.md")
MARK = "<!-- Below this line: made by `python docs/api.py` from the docstrings. -->\n"
FIRST = ("create", "open", "Study", "RoundView", "SampleQuery", "Curriculum")
"""What people hold, before what it is made of."""
WIDTH = 80
SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")
MODULES = re.compile(r"\b(?:sitool|pathlib|collections|typing)(?:\.[a-z_]+)*\.(?=[A-Z])")
TYPES = re.compile(r"(?<=: |> )'([^']+)'")
"""Types that are written as texts, because what they name is imported late."""
PARAMETERS = re.compile(r" (?=\*, |\w+: )")
"""What stands before a parameter."""


def reference() -> str:
    """Return the reference: every public name with its signature and what it says of itself."""
    names = [*FIRST, *(name for name in sitool.__all__ if name not in FIRST)]
    return "\n".join(line for name in names for line in entry(name, getattr(sitool, name)))


def entry(name: str, thing: Any) -> Iterator[str]:
    """Yield the lines of one public name."""
    yield f"\n## `sitool.{name}`\n"
    if not inspect.isclass(thing):
        yield from signature_lines(f"sitool.{name}", thing)
        yield from prose(thing)
        return
    yield from prose(thing)
    yield from contents(thing)
    for member, value in members(thing):
        yield f"\n### `{name}.{member}`\n"
        yield from signature_lines(member, value)
        yield from prose(value)


def contents(kind: type) -> Iterator[str]:
    """Yield what a record holds, or which words there are."""
    if issubclass(kind, Enum):
        yield f"\nValues: {', '.join(f'`{member.value}`' for member in kind)}."
    elif dataclasses.is_dataclass(kind):
        fields = (f"`{f.name}: {plain(f.type)}`" for f in dataclasses.fields(kind))
        yield f"\nFields: {', '.join(fields)}."


def members(kind: type) -> list[tuple[str, Any]]:
    """Return the public methods and properties of a class that say what they are."""
    found = [
        (name, inspect.getattr_static(kind, name))
        for name in dict.fromkeys(n for base in kind.__mro__ for n in vars(base))
        if not name.startswith("_")
    ]
    ours = [(n, v) for n, v in found if isinstance(v, property) or inspect.isfunction(v)]
    return [(n, v) for n, v in ours if is_ours(v)]


def is_ours(value: Any) -> bool:
    """Whether sitool defines it, and not what a class of sitool's inherits from."""
    function = value.fget if isinstance(value, property) else value
    return str(getattr(function, "__module__", "")).startswith("sitool")


def signature_lines(name: str, value: Any) -> Iterator[str]:
    """Yield how it is called, with types; of a property, what it is."""
    if isinstance(value, property):
        kind = inspect.signature(value.fget).return_annotation  # type: ignore[arg-type]
        yield f"```python\n{name}: {plain(kind)}\n```\n"
        return
    signature = inspect.signature(value)
    shown = [p for p in signature.parameters.values() if p.name != "self"]
    text = TYPES.sub(r"\1", MODULES.sub("", str(signature.replace(parameters=shown))))
    if len(text) > WIDTH:
        text = PARAMETERS.sub("\n    ", text).replace("(", "(\n    ", 1).replace(") ->", ",\n) ->")
    kind = "await " if inspect.iscoroutinefunction(value) else ""
    yield f"```python\n{kind}{name}{text}\n```\n"


def plain(kind: Any) -> str:
    """Write a type without the modules that it comes from."""
    return MODULES.sub("", inspect.formatannotation(kind)).strip("'")


def prose(thing: Any) -> Iterator[str]:
    """Yield a docstring as Markdown: text, then lists of arguments and errors, then examples."""
    section, example = "", False
    for line in (inspect.getdoc(thing) or "").splitlines():
        starts = line.startswith((">>>", "..."))
        if example != (starts or (example and bool(line.strip()))):
            example = not example
            yield "```pycon" if example else "```"
        if line.rstrip(":") in SECTIONS and line.endswith(":"):
            section = line.rstrip(":")
            yield f"{section}:\n"
        elif section and line.startswith("    ") and not line.startswith("     "):
            yield listed(line.strip())
        else:
            yield line if example else f"{'  ' * bool(section and line)}{line.strip()}"
    if example:
        yield "```"


def listed(line: str) -> str:
    """Make a point of a list of a line such as `name: what it is`."""
    name, colon, rest = line.partition(":")
    return f"* `{name}`:{rest}" if colon and " " not in name.strip(",") else f"* {line}"


def written() -> str:
    """Return the whole file: what is written by hand, and the reference."""
    by_hand = FILE.read_text(encoding="utf-8").partition(MARK)[0]
    return by_hand + MARK + reference().rstrip() + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
