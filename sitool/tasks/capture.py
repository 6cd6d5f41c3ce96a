"""A person's functions as one Python file that stands alone.

The engine is another process and may run weeks later on another machine, so a task
cannot be a live function: what is kept is the functions' source, with the constants,
imports, functions and classes that it refers to, found by name. What cannot be written
down, such as a loaded model, is refused by name. What this leaves out: running the
file (`program.py`).
"""

import ast
import builtins
import inspect
import math
import re
import site
import symtable
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

from sitool.errors import TaskError

HEAD = '''"""A task made with sitool.task(), with all that its functions refer to."""

from __future__ import annotations
'''
HINT = (
    "try: make it inside the function, or write the task as a file of its own and give that:"
    " sitool.task('my_task.py')"
)


def written(functions: Mapping[str, Callable[..., Any]], levels: range) -> str:
    """Return the text of a task file with these functions.

    Args:
        functions: By the name that the file has to give them: `problem`, `check`, `parse`.

    Raises:
        TaskError: One of them refers to something that cannot be taken along.
    """
    pages = Pages()
    for name, function in functions.items():
        pages.take(name, function, f"{name!r}")
    pages.take("levels", levels, "the task")
    return pages.text()


class Pages:
    """What is taken along so far: imports, constants, and definitions in their order."""

    def __init__(self) -> None:
        self._bound: dict[str, Any] = {}
        self._imports: list[str] = []
        self._constants: list[str] = []
        self._definitions: list[str] = []

    def text(self) -> str:
        """Return the file."""
        top = [HEAD.rstrip(), "\n".join(sorted(set(self._imports))), "\n".join(self._constants)]
        parts = ["\n\n".join(filter(None, top)), *self._definitions]
        return "\n\n\n".join(parts) + "\n"

    def take(self, name: str, value: Any, who: str) -> None:
        """Take along what a name stands for, and all that it refers to itself.

        Args:
            who: Uses it, for the sentence if it cannot be.

        Raises:
            TaskError: It cannot be written down, or the name stands for two things.
        """
        if name in self._bound:
            if not _is_same(self._bound[name], value):
                raise TaskError(
                    f"{who} uses the name {name!r} for something else than the rest of the task"
                    " does, and one file cannot hold both.",
                    f"try: another name for one of the two {name!r}",
                )
            return
        self._bound[name] = value
        if isinstance(value, ModuleType):
            self._imports.append(_import_of_module(name, value, who))
        elif (line := _import_of_name(name, value)) is not None:
            self._imports.append(line)
        elif isinstance(inspect.unwrap(value), FunctionType) or isinstance(value, type):
            self._define(name, value, who)
        else:
            self._constants.append(f"{name} = {self._literal(name, value, who)}")

    def _define(self, name: str, value: Any, who: str) -> None:
        """Take along the source of a function or class, after what it refers to."""
        node, text = source_of(value, who)
        known = _names_around(value)
        for used in sorted(global_names(text)):
            if used == node.name or (used not in known and hasattr(builtins, used)):
                continue
            if used not in known:
                raise TaskError(
                    f"{node.name!r} uses the name {used!r}, which stands for nothing yet.",
                    f"try: {used} = ..., before sitool.task(...)",
                )
            self.take(used, known[used], f"{node.name!r}")
        if node.name != name:
            self._bind(node.name, value, who)
            text = f"{text}\n\n\n{name} = {node.name}"
        self._definitions.append(text)

    def _bind(self, name: str, value: Any, who: str) -> None:
        """Note the name that a definition brings along by itself."""
        if name in self._bound and not _is_same(self._bound[name], value):
            raise TaskError(
                f"{who} is defined under the name {name!r}, which the task also uses for"
                " something else.",
                f"try: another name for one of the two {name!r}",
            )
        self._bound[name] = value

    def _literal(self, name: str, value: Any, who: str) -> str:
        """Write a constant down.

        Raises:
            TaskError: It is none.
        """
        if isinstance(value, re.Pattern):
            self.take("re", re, who)
            return f"re.compile({value.pattern!r}, {int(value.flags)})"
        text = literal(value)
        if text is None:
            raise TaskError(
                f"{who} uses {name!r}, a live object ({type(value).__name__}), which cannot be"
                " taken along into the study's task file.",
                HINT,
            )
        return text


PLAIN = (type(None), bool, int, float, str, bytes, range)
SHELLS: dict[type, str] = {
    list: "[{}]",
    tuple: "({})",
    set: "set([{}])",
    frozenset: "frozenset([{}])",
}
"""Kinds of constants, and how those are written that hold others."""


def literal(value: Any) -> str | None:
    """Write a constant as Python that makes it again; None if it is no constant.

    >>> literal({"a": (1, 2.5)}), literal({2, 1}), literal(object())
    ("{'a': (1, 2.5)}", 'set([1, 2])', None)
    """
    kind = type(value)
    if kind is dict:
        pairs = [(literal(key), literal(item)) for key, item in value.items()]
        words = [f"{key}: {item}" for key, item in pairs if key is not None and item is not None]
        return f"{{{', '.join(words)}}}" if len(words) == len(pairs) else None
    if kind in SHELLS:
        known = [text for item in value if (text := literal(item)) is not None]
        # The order of a set differs from process to process, and the file's hash must not.
        inside = sorted(known) if kind in (set, frozenset) else known
        end = "," if kind is tuple and len(known) == 1 else ""
        return SHELLS[kind].format(", ".join(inside) + end) if len(known) == len(value) else None
    is_finite = kind is not float or math.isfinite(value)
    return repr(value) if kind in PLAIN and is_finite else None


def global_names(text: str) -> set[str]:
    r"""Return the names that a definition takes from the module around it.

    Annotations do not count: the file never evaluates them.

    >>> sorted(global_names("def f(x: Wide, y=START):\n    return g(x) + OFFSET"))
    ['OFFSET', 'START', 'g']
    """
    bare = ast.unparse(_Bare().visit(ast.parse(text)))
    return set(_globals_of(symtable.symtable(bare, "task", "exec")))


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    at_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        is_taken = symbol.is_referenced() and not symbol.is_assigned()
        # `global n; n += 1` takes n too, and does not count as a reference.
        if is_taken if at_top else symbol.is_global():
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _globals_of(inner)


class _Bare(ast.NodeTransformer):
    """Takes the annotations out of a definition."""

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def source_of(value: Any, who: str) -> tuple[ast.FunctionDef | ast.ClassDef, str]:
    """Return the source of a function or class, its decorators included.

    Raises:
        TaskError: There is none, or it does not stand alone.
    """
    name = getattr(value, "__name__", repr(value))
    if name == "<lambda>":
        raise TaskError(
            f"{who} is or uses a lambda, whose source cannot be told from what is around it.",
            "try: write it with def",
        )
    try:
        lines = _class_lines(value) if isinstance(value, type) else inspect.getsource(value)
        text = textwrap.dedent(lines).rstrip()
        (node,) = ast.parse(text).body
    except (OSError, TypeError, SyntaxError, ValueError) as error:
        raise TaskError(
            f"The source of {name!r}, which {who} is or uses, cannot be read: {error}.",
            "try: write the task as a file of its own and give that: sitool.task('my_task.py')",
        ) from error
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        raise TaskError(f"{name!r} is no plain function or class.", "try: write it with def")
    return node, text


def _class_lines(kind: type) -> str:
    """Return a class's source; in a notebook, where modules have no file, by its methods."""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        methods = [m for m in vars(kind).values() if isinstance(m, FunctionType)]
        for method in methods:
            lines = "".join(inspect.findsource(method)[0])
            for node in ast.walk(ast.parse(lines)):
                if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                    return "\n".join(lines.splitlines()[first - 1 : node.end_lineno])
        raise


def _names_around(value: Any) -> dict[str, Any]:
    """Return what the names in a function or class stand for, those of functions around it too."""
    members = vars(value).values() if isinstance(value, type) else _unwrapped(value)
    functions = [member for member in members if isinstance(member, FunctionType)]
    known = dict(vars(sys.modules[value.__module__]))
    for function in functions:
        known |= function.__globals__
    for function in functions:
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        # A name that is not assigned yet has an empty cell, which is asked for in vain.
        known |= {name: cell.cell_contents for name, cell in cells if cell != CellType()}
    return known


def _unwrapped(value: Any) -> Iterator[Any]:
    """Yield a function and what its decorators wrap, each of which has names of its own."""
    yield value
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
        yield value


def _import_of_module(name: str, module: ModuleType, who: str) -> str:
    """Write the import of an installed module.

    Raises:
        TaskError: It is one of the user's own files, which the engine would not find.
    """
    if not is_installed(module.__name__):
        raise TaskError(
            f"{who} uses the module {module.__name__!r}, which is a file of yours and not"
            " installed, so another process would not find it.",
            f"try: from {module.__name__} import what is used, by its names; those are taken along",
        )
    full = module.__name__
    if name == full:
        return f"import {full}"
    package, _, last = full.rpartition(".")
    if not package:
        return f"import {full} as {name}"
    return f"from {package} import {last}" + (f" as {name}" if name != last else "")


def _import_of_name(name: str, value: Any) -> str | None:
    """Write the import of something from an installed module; None if it is not from one."""
    module, own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(own, str) or not is_installed(module):
        return None
    if getattr(sys.modules.get(module), own, None) is not value:
        return None
    return f"from {module} import {own}" + (f" as {name}" if name != own else "")


@lru_cache(maxsize=256)
def is_installed(module: str) -> bool:
    """Whether every process of this Python finds a module: it is no file beside a notebook."""
    top = module.partition(".")[0]
    if top in ("__main__", "__mp_main__"):
        return False
    if top in sys.stdlib_module_names or top == "sitool":
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    places = [sysconfig.get_paths()[name] for name in ("purelib", "platlib")]
    places.append(site.getusersitepackages())
    if file is not None and any(Path(file).is_relative_to(place) for place in places):
        return True
    return top in packages_distributions()


def _is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    text = literal(one)
    return text is not None and text == literal(other)
