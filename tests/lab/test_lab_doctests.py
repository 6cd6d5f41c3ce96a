"""What the laboratory's docstrings show is what it does."""

import doctest
import importlib
import pkgutil

import pytest

from sitool import lab


@pytest.mark.parametrize("name", ["", *(f".{m.name}" for m in pkgutil.iter_modules(lab.__path__))])
def test_examples_in_docstrings_are_true(name: str) -> None:
    module = importlib.import_module(f"sitool.lab{name}")
    assert doctest.testmod(module).failed == 0


def test_the_story_of_the_laboratory_is_examples() -> None:
    assert len(doctest.DocTestParser().get_examples(lab.__doc__ or "")) > 20


def test_every_public_name_says_what_it_is_and_what_it_refuses() -> None:
    for name in lab.__all__:
        thing = getattr(lab, name)
        assert isinstance(thing, float) or (thing.__doc__ or "").strip(), name
