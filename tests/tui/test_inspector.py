"""One sample in full, its tokens, its editor, and all samples of a problem together."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampling import OnePanel, ask, listed
from studies import first_sample
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import OptionList, Static, TextArea
from waiting import until

from sitool.client import Study
from sitool.front.inspection import PARTS
from sitool.front.rulings import TAKEN_BACK, taking_back
from sitool.models.pieces import Piece, characters, read_pieces
from sitool.records import Action, Completion, Decision, Problem, Sample
from sitool.tui.edit import EditScreen
from sitool.tui.inspector import InspectorScreen
from sitool.tui.inspector_text import Ways, completion_text
from sitool.tui.siblings import SiblingsScreen
from sitool.visible import safe_lines

SIZE = (120, 40)


def texts(app: OnePanel) -> dict[str, str]:
    """Return what the inspector says, part by part."""
    parts = app.screen.query(".part").results(Static)
    return {name: str(part.render()) for name, part in zip(PARTS, parts, strict=True)}


async def opened(pilot: Pilot[Any], app: OnePanel) -> InspectorScreen:
    await listed(pilot, app)
    await pilot.press("enter")
    await pilot.pause()
    assert isinstance(app.screen, InspectorScreen)
    return app.screen


async def test_it_says_everything_about_a_sample(study: Study) -> None:
    sample = first_sample(study, 2, accepted=True)
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await ask(pilot, app, "accepted")
        screen = await opened(pilot, app)
        said = texts(app)
        assert screen.sample == sample
        assert said["Prompt"] == sample.problem.prompt
        assert sample.completion.text in said["Completion"]
        assert sample.problem.truth in said["Answer"]
        score = sample.scores["truth"]
        assert f"✓ 1.00  {score.explanation}" in said["Scores"]
        assert f"1.00, counts in training  rule: {sample.rule}" in said["Selection"]
        assert f"{sample.completion.logprob:.3f} nats" in said["Likelihood"]
        assert said["What people said"].startswith("Nothing.")
        assert "› r0002 train" in said["The same problem, in every round"]


async def test_the_same_problem_in_earlier_rounds_is_shown_and_reached(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await ask(pilot, app, "role:greedy")
        screen = await opened(pilot, app)
        rounds = texts(app)["The same problem, in every round"].splitlines()
        assert [line.split()[0] for line in rounds if "greedy" in line] == ["r0000", "r0001", "›"]
        problem = screen.sample.problem_id  # type: ignore[union-attr]
        await pilot.press(*["K"] * 20)
        assert screen.sample.round == 0  # type: ignore[union-attr]
        assert screen.sample.problem_id == problem  # type: ignore[union-attr]
        assert any("No earlier sample" in toast for toast in app.toasts)
        await pilot.press("a")
        assert any("nobody overrules" in toast for toast in app.toasts)


async def test_next_and_previous_follow_the_table(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await ask(pilot, app, "failed sort:-logprob")
        ids = app.ids()
        screen = await opened(pilot, app)
        seen = []
        for _ in range(3):
            seen.append(screen.sample.id)  # type: ignore[union-attr]
            await pilot.press("right")
        assert seen == ids[:3]
        await pilot.press("left", "left")
        assert screen.sample.id == ids[1]  # type: ignore[union-attr]
        assert app.table.row == 1
        await pilot.press("left", "left")
        assert any("the first one" in toast for toast in app.toasts)
        await pilot.press("escape")
        assert app.panel.current.id == ids[0]  # type: ignore[union-attr]


async def test_rulings_are_written_beside_the_scores_and_taken_back(study: Study) -> None:
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, app)
        sample_id = screen.sample.id  # type: ignore[union-attr]
        for key, said in (("x", "rejected it (holds)"), ("a", "accepted it (holds)")):
            await pilot.press(key)
            await until(pilot, lambda said=said: said in texts(app)["What people said"])
        await pilot.press("z")
        await until(pilot, lambda: "rejected it (holds)" in texts(app)["What people said"])
        await pilot.press("z")
        await until(pilot, lambda: study.sample(sample_id).ruling is None)
        await until(pilot, lambda: "(holds)" not in texts(app)["What people said"])
        await pilot.press("z")
        assert any("could be taken back" in toast for toast in app.toasts)
        said = [d.action for d in study.sample(sample_id).decisions]
        assert said == [Action.REJECT, Action.ACCEPT, Action.REJECT, Action.CLEAR]
        assert study.sample(sample_id).scores == screen.sample.scores  # type: ignore[union-attr]


async def test_a_completion_is_edited_in_place_of_the_model(study: Study) -> None:
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot, app)
        sample_id = screen.sample.id  # type: ignore[union-attr]
        await pilot.press("e")
        await pilot.pause()
        assert isinstance(app.screen, EditScreen)
        area = app.screen.query_one(TextArea)
        assert area.text == screen.sample.completion.text  # type: ignore[union-attr]
        await pilot.press("ctrl+s")
        assert any("Nothing was changed" in toast for toast in app.toasts)
        await pilot.press("e")
        await pilot.pause()
        app.screen.query_one(TextArea).text = "a better one"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: study.sample(sample_id).ruling)
        ruling = study.sample(sample_id).ruling
        assert ruling is not None
        assert (ruling.action, ruling.text) == (Action.EDIT, "a better one")
        await until(pilot, lambda: "a better one" in texts(app)["What people said"])
        await pilot.press("e")
        await pilot.pause()
        assert app.screen.query_one(TextArea).text == "a better one"
        await pilot.press("escape")
        assert app.screen is screen


async def test_a_note_changes_nothing_else(study: Study) -> None:
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("n", *"hm", "enter")
        await until(pilot, lambda: "noted: hm" in texts(app)["What people said"])
        assert "(holds)" not in texts(app)["What people said"]


async def test_a_long_completion_is_cut_and_nothing_of_it_acts(study: Study) -> None:
    wild = "\x1b[2J\u202e" + "ab\n" * 40_000
    with sqlite3.connect(study.folder / "study.db") as connection:
        connection.execute("UPDATE samples SET text = ?", (wild,))
    connection.close()
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        said = texts(app)["Completion"]
        assert "more characters" in said
        assert len(said) < 10_000
        assert not {"\x1b", "\u202e"} & set(said)
        await pilot.press("e")
        assert any("too many to edit" in toast for toast in app.toasts)
        await pilot.press("t", "i", "v", "escape", "escape")
        assert len(app.screen_stack) == 1


async def test_the_editor_shows_no_control_characters(study: Study) -> None:
    with sqlite3.connect(study.folder / "study.db") as connection:
        connection.execute("UPDATE samples SET text = ?", ("a\x1b[31m\n\tb",))
    connection.close()
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("e")
        await pilot.pause()
        assert app.screen.query_one(TextArea).text == "a␛[31m\n\tb"


# Tokens.


def sample_of(text: str, logprobs: list[float]) -> Sample:
    completion = Completion(tuple(range(len(logprobs))), text, "stop", tuple(logprobs))
    problem = Problem("t", 1, "p", "t")
    return Sample(1, 1, "train", 0, 0, 1, problem, completion, {}, None, "", ())


def styles_of(content: Content) -> dict[str, str]:
    return {content.plain[s.start : s.end]: str(s.style) for s in content.spans}


def test_tokens_are_marked_by_probability_with_and_without_colour() -> None:
    sample = sample_of("abcd", [-0.01, -0.4, -1.5, -5.0, -0.1])
    pieces = characters("abcd", 5, ended=True)
    styles = styles_of(completion_text(sample, pieces, Ways(special=True)))
    assert "italic" in styles["b"]
    assert "underline" in styles["c"]
    assert "reverse" in styles["d"]
    assert "a" not in styles


def test_special_tokens_show_only_on_demand() -> None:
    sample = sample_of("ab", [-0.1, -0.1, -0.1])
    pieces = characters("ab", 3, ended=True)
    assert "⟨end⟩" not in completion_text(sample, pieces, Ways()).plain
    assert "ab⟨end⟩" in completion_text(sample, pieces, Ways(special=True)).plain


def test_the_table_of_tokens_has_their_numbers() -> None:
    sample = sample_of("a\n", [-0.693147, -2.302585, -0.1])
    rows = completion_text(sample, characters("a\n", 3, ended=True), Ways(table=True)).plain
    assert rows.splitlines()[1].split()[:5] == ["1", "a", "0", "-0.693", "0.50"]
    assert rows.splitlines()[2].split()[:5] == ["2", "⏎", "1", "-2.303", "0.10"]


def test_tokens_that_cannot_be_read_show_as_a_strip() -> None:
    shown = completion_text(sample_of("hello", [-0.01, -5.0]), None, Ways()).plain
    assert shown.startswith("hello\n█▁\n")


async def test_t_and_i_change_how_tokens_are_shown(study: Study) -> None:
    with sqlite3.connect(study.folder / "study.db") as connection:
        connection.execute("UPDATE samples SET finish = 'stop', text = 'ab', length = 3")
        three = b"\0\0\0\0" * 3
        connection.execute("UPDATE samples SET token_ids = ?, token_logprobs = ?", (three, three))
    connection.close()
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("i")
        assert texts(app)["Completion"].startswith("ab⟨end⟩")
        await pilot.press("t")
        assert "log p" in texts(app)["Completion"]
        await pilot.press("t", "i")
        assert texts(app)["Completion"].startswith("ab\n")


def test_a_base_with_a_tokenizer_file_has_its_tokens_read(make_base: Any) -> None:
    folder = make_base("llama")
    pieces = read_pieces(str(folder))
    assert pieces is not None
    assert pieces.read([2, 3, 0]) == [Piece("0"), Piece("1"), Piece("<end>", special=True)]


def test_a_base_without_one_has_none(tmp_path: Path) -> None:
    assert read_pieces(str(tmp_path)) is None
    (tmp_path / "tokenizer.json").write_text("{}")
    read_pieces.cache_clear()
    assert read_pieces(str(tmp_path)) is None


async def test_the_tokens_of_another_base_come_a_moment_later(study: Study, make_base: Any) -> None:
    folder = str(make_base("llama"))
    with sqlite3.connect(study.folder / "study.db") as connection:
        connection.execute(
            "UPDATE rounds SET settings = json_set(settings, '$.model.base', ?)", (folder,)
        )
        ids = b"\2\0\0\0\3\0\0\0\0\0\0\0"
        connection.execute(
            "UPDATE samples SET text = '01', token_ids = ?, token_logprobs = ?", (ids, b"\0" * 12)
        )
    connection.close()
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, app)
        await pilot.press("i")
        await until(pilot, lambda: texts(app)["Completion"].startswith("01⟨end⟩"))


@given(st.text(max_size=30), st.booleans())
def test_characters_join_to_the_text(text: str, ended: bool) -> None:
    pieces = characters(text, len(text) + ended, ended=ended)
    assert pieces is not None
    assert "".join(piece.text for piece in pieces if not piece.special) == text
    assert characters(text, len(text) + ended + 1, ended=ended) is None


# Taking back.


def decided(*made: tuple[Action, str]) -> Sample:
    decisions = [
        Decision(n, 1, action, None, reason, "jo", float(n))
        for n, (action, reason) in enumerate(made)
    ]
    sample = sample_of("a", [0.0])
    import dataclasses

    return dataclasses.replace(sample, decisions=tuple(decisions))


def test_nothing_decided_is_nothing_to_take_back() -> None:
    assert taking_back(decided()) is None
    assert taking_back(decided((Action.NOTE, "n"))) is None


def test_an_explicit_clear_is_taken_back_too() -> None:
    undo = taking_back(decided((Action.ACCEPT, "good"), (Action.CLEAR, "")))
    assert undo is not None
    assert (undo.action, undo.reason) == (Action.ACCEPT, "good")


@given(
    st.lists(
        st.tuples(st.sampled_from([Action.ACCEPT, Action.REJECT]), st.sampled_from(["", "r"])),
        max_size=6,
    )
)
def test_taking_back_often_enough_ends_where_it_began(made: list[tuple[Action, str]]) -> None:
    sample = decided(*made)
    for _ in range(len(made) + 1):
        undo = taking_back(sample)
        if undo is None:
            break
        said = [(d.action, d.reason) for d in sample.decisions]
        sample = decided(*said, (undo.action, undo.reason))
    assert taking_back(sample) is None
    assert sample.ruling is None


def test_a_taking_back_is_written_like_any_ruling(study: Study) -> None:
    sample = first_sample(study, 2)
    study.accept(sample.id)
    undo = taking_back(study.sample(sample.id))
    assert undo is not None
    undo.carry_out(study)
    assert study.sample(sample.id).ruling is None
    assert study.sample(sample.id).decisions[-1].reason == TAKEN_BACK


@pytest.mark.parametrize(
    ("text", "shown"), [("a\tb\nc", "a\tb\nc"), ("\x1b[31m", "␛[31m"), ("", "")]
)
def test_an_editor_gets_lines_that_are_safe(text: str, shown: str) -> None:
    assert safe_lines(text) == shown


# All samples of a problem.


async def test_equal_answers_stand_together_right_ones_first(study: Study) -> None:
    sample = first_sample(study, 2)
    answers = [("x", 0), ("y", 1), ("x", 0), (None, None)]
    same = [s for s in study.round(2).samples() if s.problem_id == sample.problem_id]
    with sqlite3.connect(study.folder / "study.db") as connection:
        for s, (answer, value) in zip(same, answers, strict=True):
            connection.execute(
                "UPDATE scores SET answer = ?, value = ?, outcome = ? WHERE sample = ?",
                (answer, value, "unparsed" if answer is None else "scored", s.id),
            )
    connection.close()
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await pilot.press("v")
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, SiblingsScreen)
        options = screen.query_one(OptionList)
        shown = [str(options.get_option_at_index(i).prompt) for i in range(options.option_count)]
        titles = [line for line in shown if " of 4" in line]
        assert titles == ["✓ y   1 of 4", "✗ x   2 of 4", "? no answer could be read   1 of 4"]
        assert screen.current is not None
        assert screen.current.id == same[1].id
        await pilot.press("x")
        await until(pilot, lambda: study.sample(same[1].id).ruling)
        await until(pilot, lambda: screen.current and screen.current.ruling)
        assert screen.current.id == same[1].id
        await pilot.press("z")
        await until(pilot, lambda: study.sample(same[1].id).ruling is None)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert isinstance(app.screen, InspectorScreen)
        await pilot.press("escape", "escape")
        assert len(app.screen_stack) == 1


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_small_terminals_hold_it(two_rounds: Path, size: tuple[int, int]) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        await pilot.press("t", "pagedown", "v")
        await pilot.pause()
        await pilot.resize_terminal(120, 40)
        await pilot.press("enter", "question_mark", "escape", "escape", "escape", "escape")
        assert len(app.screen_stack) == 1
