"""The words of the filter: what they mean, and what is said of a slip."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from sitool.errors import SitoolError
from sitool.records import Outcome
from sitool.store import SampleFilter, SampleOrder
from sitool.study.filter_line import FilterError, Query, parse_query
from sitool.tui.sample_filter import FilterBar, WordSuggester

MEANT = {
    "": {},
    "accepted": {"accepted": True},
    "rejected": {"accepted": False},
    "passed": {"passed": True},
    "failed": {"passed": False},
    "overridden": {"overruled": True},
    "overruled": {"overruled": True},
    "unparsed": {"outcome": Outcome.UNPARSED},
    "error": {"outcome": Outcome.ERROR},
    "level:6": {"level": 6},
    "level:5-7": {"levels": (5, 7)},
    "level:5-": {"levels": (5, 2**31)},
    "level:-3": {"levels": (0, 3)},
    "score:0.2-0.8": {"score": (0.2, 0.8)},
    "score:.5-": {"score": (0.5, math.inf)},
    "score:1": {"score": (1.0, 1.0)},
    "role:sampled": {"role": "sampled"},
    "round:3": {"round": 3},
    "round:r0003": {"round": 3},
    "problem:12": {"problem_id": 12},
    "a>b": {"text": "a>b"},
    "ab cd": {"text": "ab cd"},
    '"accepted"': {"text": "accepted"},
    '"two  spaces"': {"text": "two  spaces"},
    "failed level:2 ab": {"passed": False, "level": 2, "text": "ab"},
    "x:y": {"text": "x:y"},
    "12:30": {"text": "12:30"},
    "failed failed": {"passed": False},
}


@pytest.mark.parametrize(("words", "meant"), MEANT.items())
def test_words_mean_what_they_say(words: str, meant: dict[str, object]) -> None:
    expected = SampleFilter(**{"role": None, **meant})  # type: ignore[arg-type]
    assert parse_query(words) == Query(words, expected)


@pytest.mark.parametrize("order", SampleOrder)
@pytest.mark.parametrize("turned", [False, True])
def test_an_order_can_be_typed(order: SampleOrder, turned: bool) -> None:
    query = parse_query(f"failed sort:{'-' * turned}{order}")
    assert (query.order, query.descending, query.where.passed) == (order, turned, False)


SLIPS = {
    "acepted": r"'acepted' is no filter word\. Did you mean 'accepted'\?",
    "reject": "Did you mean 'rejected'",
    "levle:6": "Did you mean 'level:6'",
    "level:six": r"'level:six' cannot be read\. \| Write level:6 or level:5-7\.",
    "level:": "'level:' cannot be read",
    "level:2.5": "cannot be read",
    "level:7-5": "begins above its end",
    "score:high": "cannot be read",
    "role:greed": r"Did you mean role:greedy\?",
    "round:last": "cannot be read",
    "sort:levle": r"Did you mean sort:level\?",
    "accepted rejected": "'rejected' contradicts a word before it",
    "level:1 level:2": "'level:2' contradicts",
}


@pytest.mark.parametrize(("words", "said"), SLIPS.items())
def test_a_slip_is_said_in_a_sentence(words: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_query(words)
    import re

    assert re.search(said, f"{caught.value.message} | {caught.value.hint}")


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_query_or_a_slip(words: str) -> None:
    try:
        query = parse_query(words)
    except SitoolError as error:
        assert "\n" not in error.message
        assert "\x1b" not in error.message
    else:
        assert query.words == words


def test_what_is_left_open_comes_from_the_shown_round() -> None:
    assert parse_query("failed").within(4, "train") == SampleFilter(round=4, passed=False)
    named = parse_query("round:2 role:greedy").within(4, "train")
    assert (named.round, named.role) == (2, "greedy")


async def test_the_last_word_is_completed() -> None:
    suggest = WordSuggester().get_suggestion
    assert await suggest("failed lev") == "failed level:"
    assert await suggest("role:g") == "role:greedy"
    assert await suggest("zebra") is None
    assert await suggest("failed ") is None


class OneBar(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.left = 0

    def compose(self) -> ComposeResult:
        yield FilterBar()

    def on_mount(self) -> None:
        self.query_one(FilterBar).open()

    def on_filter_bar_asked(self, event: FilterBar.Asked) -> None:
        self.asked.append(event.query.words)

    def on_filter_bar_left(self) -> None:
        self.left += 1

    @property
    def said(self) -> str:
        shown = self.query_one(FilterBar).has_class("-wrong")
        return str(self.query_one(Static).render()) if shown else ""


async def test_half_a_word_searches_for_nothing() -> None:
    app = OneBar()
    async with app.run_test() as pilot:
        await pilot.press(*"accepted")
        assert app.asked == ["accepted"]
        await pilot.press("enter")
        assert app.left == 1
        assert not app.query_one(FilterBar).has_class("-open")


async def test_a_slip_keeps_the_bar_open_and_says_so() -> None:
    app = OneBar()
    async with app.run_test() as pilot:
        await pilot.press(*"acepted", "enter")
        assert "Did you mean 'accepted'?" in app.said
        assert app.left == 0
        app.query_one(Input).value = "failed"
        await pilot.pause()
        assert app.said == ""


async def test_escape_clears_and_leaves() -> None:
    app = OneBar()
    async with app.run_test() as pilot:
        await pilot.press(*"failed", "escape")
        await pilot.pause()
        assert app.asked == ["failed", ""]
        assert (app.left, app.query_one(Input).value) == (1, "")
