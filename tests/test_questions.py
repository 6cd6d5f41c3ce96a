"""What judges write is read, or said to be unreadable, and never misread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitool.questions import (
    FORMS,
    NEEDED,
    check_template,
    read_beginning,
    read_choice,
    read_score,
    read_verdict,
)

WORDS = ("Correct", "Incorrect")


@pytest.mark.parametrize("form", FORMS)
def test_every_default_template_can_be_filled_in(form: str) -> None:
    for kind, template in FORMS[form].items():
        check_template(kind, template)
        filled = template.format(
            prompt="<P>", completion="<C>", first="<F>", second="<S>", correct="yes", incorrect="no"
        )
        for name in NEEDED[kind]:
            assert f"<{name[0].upper()}>" in filled


@given(st.text())
def test_any_text_is_a_good_template_or_refused_in_a_sentence(text: str) -> None:
    try:
        check_template("mc", text)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        text.format(prompt="", completion="", correct="", incorrect="")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Correct", True),
        ("It adds up.\nincorrect.", False),
        ("Incorrect? No: correct", True),
        ("**Correct**", True),
        ("CorrectIncorrect", None),
        ("Correctly done", None),
        ("", None),
    ],
)
def test_the_last_whole_word_is_the_verdict(text: str, verdict: bool | None) -> None:
    assert read_verdict(text, *WORDS) is verdict


@given(st.text(), st.booleans())
def test_a_verdict_on_a_last_line_wins_over_all_before(text: str, right: bool) -> None:
    assert read_verdict(f"{text}\n{WORDS[not right]}", *WORDS) is right


@given(st.text())
def test_a_verdict_at_the_beginning_is_one_of_the_words(text: str) -> None:
    found = read_beginning(text, *WORDS)
    assert (found is None) == (not text.startswith(WORDS))


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Score: 7", 7),
        ("score is 3.", 3),
        ("Score: 4\nOn second thoughts\n**Score: 9**", 9),
        ("Score: 10/10", 10),
        ("8/10", 8),
        ("Fine.\n6", 6),
        ("Score: 0", None),
        ("Score: 11", None),
        ("Score: 7.5", None),
        ("Score: 100", None),
        ("It scores 7 points", None),
        ("Score: high", None),
        ("", None),
    ],
)
def test_the_last_named_score_counts_if_it_is_a_whole_number_of_ten(
    text: str, score: int | None
) -> None:
    assert read_score(text) == score


@given(st.text(), st.integers(-20, 30))
def test_a_score_is_within_its_bounds_whatever_is_written(text: str, number: int) -> None:
    found = read_score(f"{text}\nScore: {number}")
    assert found == (number if 1 <= number <= 10 else None)
    assert read_score(text) in (None, *range(1, 11))


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("A", "A"),
        ("Answer B is better than A good answer.\nVerdict: B.", "B"),
        ("The better answer is (A)", "A"),
        ("**B**", "B"),
        ("Answer: B\nThat is all.", "B"),
        ("A good one", None),
        ("AB", None),
        ("", None),
    ],
)
def test_the_last_line_that_names_one_is_the_choice(text: str, choice: str | None) -> None:
    assert read_choice(text) == choice
