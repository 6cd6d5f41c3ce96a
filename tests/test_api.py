"""The public names are those of docs/api.md, and every example there and in docstrings is true."""

import doctest
import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sitool
from sitool import client, shelf
from sitool.client import Study
from sitool.study import controls, meters, queries, round_words, rounds, view

DOCS = Path(__file__).parent.parent / "docs"
HELD = (sitool.Study, sitool.RoundView, sitool.SampleQuery, sitool.Curriculum)
"""What people hold; what these can do is to be shown."""
MODULES = (client, controls, meters, queries, round_words, rounds, shelf, view)
EXAMPLES = [
    example
    for module in MODULES
    for example in doctest.DocTestFinder().find(module)
    if example.examples
]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """Return docs/api.py, which writes the reference."""
    spec = importlib.util.spec_from_file_location("api_reference", DOCS / "api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def members(kind: type) -> list[str]:
    """Return the public names that sitool gives a class, found without docs/api.py."""
    return [
        name
        for base in kind.__mro__
        if base.__module__.startswith("sitool")
        for name, value in vars(base).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    ]


def code(text: str) -> str:
    """Return what stands in blocks of code."""
    return "\n".join(re.findall(r"```py\w+\n(.*?)```", text, re.DOTALL))


def test_the_reference_is_up_to_date(writer: ModuleType) -> None:
    written = (DOCS / "api.md").read_text(encoding="utf-8")
    assert written == writer.written(), "run: python docs/api.py"


def test_every_public_name_is_in_the_reference(writer: ModuleType) -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8").partition(writer.MARK)[2]
    headings = set(re.findall(r"^##+ `(.+)`$", text, re.MULTILINE))
    wanted = {f"sitool.{name}" for name in sitool.__all__}
    wanted |= {f"{kind.__name__}.{name}" for kind in HELD for name in members(kind)}
    assert not wanted - headings
    assert len(members(Study)) > 40


def test_every_public_name_is_in_an_example(writer: ModuleType) -> None:
    by_hand = code((DOCS / "api.md").read_text(encoding="utf-8").partition(writer.MARK)[0])
    missing = [
        f"{kind.__name__}.{name}"
        for kind in HELD
        for name in members(kind)
        if not re.search(rf"\.{name}\b", by_hand)
    ]
    assert missing == []


def test_every_public_name_says_what_it_is() -> None:
    for name in sitool.__all__:
        thing = getattr(sitool, name)
        assert (thing.__doc__ or "").strip(), name
        for kind in (k for k in HELD if k is thing):
            silent = [n for n in members(kind) if not inspect.getdoc(getattr(kind, n))]
            assert silent == []


def test_the_examples_of_the_page_are_true(
    tmp_path: Path, writer: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "api.md").read_text(encoding="utf-8").partition(writer.MARK)[0]
    parsed = doctest.DocTestParser().get_doctest(
        text, {"__name__": "__main__"}, "api.md", str(DOCS / "api.md"), 0
    )
    assert len(parsed.examples) > 60
    _check(parsed)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.name))
def test_the_examples_of_docstrings_are_true(
    example: doctest.DocTest, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example.globs |= {"study": study, "sitool": sitool}
    _check(example)


def _check(example: doctest.DocTest) -> None:
    said: list[Any] = []
    doctest.DocTestRunner(verbose=False).run(example, out=said.append, clear_globs=False)
    assert not said, "".join(said)
