"""File-backed problems: what a line may say, and how answers are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from sitool.errors import TaskError, UnknownNameError
from sitool.records import Outcome
from sitool.seeds import generator
from sitool.tasks.base import draw_problem
from sitool.tasks.jsonl import JsonlTask


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


ROWS = [{"prompt": f"{i}+1?", "answer": str(i + 1), "level": 3 + i % 2 * 4} for i in range(40)]


@pytest.fixture
def two_levels(tmp_path: Path) -> Path:
    return write(tmp_path / "rows.jsonl", *ROWS)


def test_levels_are_numbered_from_one_in_ascending_order(two_levels: Path) -> None:
    task = JsonlTask(path=two_levels)
    assert list(task.levels) == [1, 2]
    assert task.problem(2, generator(1)).prompt.startswith(tuple("13579"))


def test_what_follows_the_hashes_is_the_truth(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"question": "How many?", "answer": "1+1=2\n#### 1,234"})
    task = JsonlTask(path=path, match="number")
    problem = task.problem(1, generator(1))
    assert (problem.prompt, problem.truth) == ("How many?", "1,234")
    assert task.score(problem, "Answer: 9\nso\nAnswer: 1234.0 apples").value == 1.0


@pytest.mark.parametrize(
    ("match", "truth", "completion", "strict", "flexible"),
    [
        ("exact", "blue  sky", "Answer: blue sky", 1.0, 1.0),
        ("exact", "blue", "it is blue.", 0.0, 1.0),
        ("exact", "blue", "blueish", None, None),
        ("exact", "blue", "Answer: red", 0.0, 0.0),
        ("number", "12", "#### 12", 1.0, 1.0),
        ("number", "12", "first 7, then 12", 0.0, 1.0),
        ("number", "12", "first 12, then 7", None, None),
        ("number", "-0.5", "answer: -.5", 1.0, 1.0),
        ("choice", "B", "Answer: (B)", 1.0, 1.0),
        ("choice", "B", "Answer: C", 0.0, 0.0),
        ("choice", "B", "maybe B", 0.0, 1.0),
    ],
)
def test_answers_are_read_as_the_match_says(
    tmp_path: Path,
    match: str,
    truth: str,
    completion: str,
    strict: float | None,
    flexible: float | None,
) -> None:
    task = JsonlTask(
        path=write(tmp_path / "a.jsonl", {"prompt": "?", "answer": truth}), match=match
    )
    score = task.score(task.problem(1, generator(1)), completion)
    assert (score.value, score.flexible) == (strict, flexible)
    assert (score.outcome is Outcome.UNPARSED) == (strict is None)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[1]", "a line must be a JSON object"),
        ('{"answer": "1"}', "no 'prompt'"),
        ('{"prompt": 3, "answer": "1"}', "the prompt must be a text, not 3"),
        ('{"prompt": "?"}', "'answer' must be a text or a number, not None"),
        ('{"prompt": "?", "answer": "x ####  "}', "'answer' is empty"),
        ('{"prompt": "?", "answer": "1", "level": "two"}', "'level' must be an integer"),
    ],
)
def test_a_malformed_line_is_named_with_its_number(
    tmp_path: Path, line: str, complaint: str
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f'{{"prompt": "?", "answer": 1}}\n\n{line}\n', encoding="utf-8")
    with pytest.raises(TaskError) as caught:
        JsonlTask(path=path)
    assert caught.value.message.startswith(f"{path}:3: {complaint}")


def test_a_missing_or_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="Cannot read"):
        JsonlTask(path=tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(TaskError, match="has no problem in it"):
        JsonlTask(path=tmp_path / "empty.jsonl")


def test_an_unknown_match_shows_the_known_ones(two_levels: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'number'"):
        JsonlTask(path=two_levels, match="numbr")


def test_one_file_is_split_by_hash(two_levels: Path) -> None:
    task, rng = JsonlTask(path=two_levels), generator("split")
    sides = [
        {draw_problem(task, 1, rng, held_out=held_out).prompt for _ in range(100)}
        for held_out in (True, False)
    ]
    assert sides[0].isdisjoint(sides[1])


def test_an_evaluation_file_is_the_held_out_side(two_levels: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "eval.jsonl", {"prompt": "new", "answer": "1", "level": 3})
    task = JsonlTask(path=two_levels, evaluation_path=other)
    assert draw_problem(task, 1, generator(1), held_out=True).prompt == "new"
    assert draw_problem(task, 1, generator(1), held_out=False).prompt != "new"
    with pytest.raises(TaskError, match="no row of level 7"):
        draw_problem(task, 2, generator(1), held_out=True)


def test_a_prompt_of_the_evaluation_file_is_never_trained_on(
    two_levels: Path, tmp_path: Path
) -> None:
    task = JsonlTask(path=two_levels, evaluation_path=write(tmp_path / "eval.jsonl", *ROWS[:30]))
    assert [row.prompt for row in task.rows] == [row["prompt"] for row in ROWS[30:]]
    with pytest.raises(TaskError, match="nothing is left to train on"):
        JsonlTask(path=two_levels, evaluation_path=two_levels)


def test_gsm8k_is_read_as_it_is(shared_data: Path) -> None:
    task = JsonlTask(path=shared_data / "gsm8k" / "test.jsonl", match="number")
    assert len(task.rows) == 1319
    for row in task.rows[:200]:
        float(row.answer.replace(",", ""))


def test_math500_has_its_levels_and_its_answers(shared_data: Path) -> None:
    task = JsonlTask(path=shared_data / "math500" / "test.jsonl")
    assert task.levels == range(1, 6)
    assert len(task.rows) == 500
    for row in task.rows:
        assert task.parse(f"so the answer is\n#### {row.answer}") is not None


def test_gsm8k_trains_on_one_file_and_evaluates_on_the_other(shared_data: Path) -> None:
    folder = shared_data / "gsm8k"
    task = JsonlTask(
        path=folder / "train.jsonl", evaluation_path=folder / "test.jsonl", match="number"
    )
    drawn = draw_problem(task, 1, generator("gsm8k"), held_out=True)
    assert drawn.prompt in {row.prompt for row in task.evaluation_rows}
    assert drawn.prompt not in {row.prompt for row in task.rows}
