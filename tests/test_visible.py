import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sitool.visible import one_line

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
nasty = st.text(
    "\x1b\x9b\x07\b\r\n\t\v\f\x00\x7f\x85\u2028\u2029\u202e\u200b\ufeff\ud800[31m a", max_size=40
)


@given(st.one_of(any_text, nasty), st.integers(0, 20))
def test_no_control_character_comes_through(text: str, width: int) -> None:
    shown = one_line(text, width)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert len(shown.splitlines()) <= 1


@given(st.one_of(any_text, nasty), st.integers(1, 20))
def test_it_keeps_to_the_width_and_says_that_it_cut(text: str, width: int) -> None:
    shown = one_line(text, width)
    assert len(shown) <= width
    assert (len(text) > width) == (shown != one_line(text))
    if len(text) > width:
        assert shown.endswith("…")


@given(st.text("abc αβ✓日本", max_size=30))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert one_line(text) == text


@given(st.one_of(any_text, nasty))
def test_the_line_can_be_written_to_a_terminal(text: str) -> None:
    one_line(text).encode("utf-8")


def test_it_is_quick_on_a_huge_text_that_is_cut() -> None:
    assert one_line("\x1b" * 10_000_000, 5) == "␛␛␛␛…"
