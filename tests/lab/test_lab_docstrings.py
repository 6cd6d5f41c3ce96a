"""What the laboratory's docstrings say; that their examples are true is `test_doctests.py`."""

import doctest

from sitool import lab


def test_the_story_of_the_laboratory_is_examples() -> None:
    assert len(doctest.DocTestParser().get_examples(lab.__doc__ or "")) > 20


def test_every_public_name_says_what_it_is_and_what_it_refuses() -> None:
    for name in lab.__all__:
        thing = getattr(lab, name)
        assert isinstance(thing, float) or (thing.__doc__ or "").strip(), name
