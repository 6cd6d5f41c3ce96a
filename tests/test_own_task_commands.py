"""A task of one's own from the command line, and code that was sent, in the terminal app too."""

import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from command_line import Said, command
from own_tasks import SMALL, SUMS, file_with

import sitool
from sitool import trust
from sitool.front.desk import Desk, Failed, Looked

Run = Callable[..., Said]
SETS = [word for name in SMALL for word in ("--set", name)]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return partial(command, monkeypatch, capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "sums.py").write_text(SUMS)
    return tmp_path / "sums.py"


@pytest.fixture
def sent(file: Path, tmp_path: Path, state: Path) -> Path:
    """Return a study as somebody sends it: with a round, and on a machine that knows it not."""
    study = sitool.create(tmp_path / "sent", task=file, assignments=SMALL)
    study.run(0)
    study.close()
    shutil.rmtree(state)
    return study.folder


def test_a_study_is_made_from_a_task_file_and_runs(run: Run, file: Path, tmp_path: Path) -> None:
    code, out, _ = run("new", tmp_path / "study", "--task-file", file, *SETS)
    assert (code, out.splitlines()[0]) == (
        0,
        f"Made {tmp_path / 'study'}: task python, base scripted, seed 0.",
    )
    assert run("run", tmp_path / "study", "--plain")[0] == 0
    _, shown, _ = run("samples", tmp_path / "study", "--json", "--limit", 3)
    assert all("+" in sample["prompt"] for sample in json.loads(shown))


def test_a_preset_can_go_with_a_task_file(run: Run, file: Path, tmp_path: Path) -> None:
    assert run("new", tmp_path / "study", "-t", file, "-p", "majority")[0] == 0
    study = sitool.open(tmp_path / "study")
    assert (study.settings.task.name, study.settings.verifier.names[0]) == ("python", "majority")
    study.close()


def test_settings_of_the_task_can_go_with_its_file(run: Run, file: Path, tmp_path: Path) -> None:
    top = ("--set", "task.max_level=2")
    assert run("new", tmp_path / "sums", "--task-file", file, *SETS, *top)[0] == 0
    rows = [{"prompt": f"{i}?", "answer": i} for i in range(40)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words = ("--task-file", tmp_path / "rows.jsonl", "--set", "task.match=number")
    assert run("new", tmp_path / "rows", *words, *SETS)[0] == 0
    settings = [sitool.open(tmp_path / name).settings.task for name in ("sums", "rows")]
    assert [settings[0].max_level, settings[1].match] == [2, "number"]


def test_a_check_says_of_every_level_what_it_is_good_for(run: Run, file: Path) -> None:
    words = ("task", "check", file, "--base", "scripted", "--level", 1, "--level", 4)
    code, out, _ = run(*words)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == f"<task of 4 levels, {file}>, answered by scripted"
    assert [line[0] for line in lines if line[:1].isdigit()] == ["1", "4"]
    report = json.loads(run(*words, "--json")[1])
    assert report["ok"] is True
    assert report["levels"][0]["attempts"]["samples"] == 32
    assert f"  ✓ {report['levels'][1]['advice']}" in lines
    assert report["advice"] in out


def test_a_check_that_finds_a_fault_exits_with_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(file_with("return f'{rng.random()}', 1 // (level - 2)"))
    code, out, _ = run("task", "check", tmp_path / "bad.py", "--problems", 0)
    assert code == 1
    assert "✗ mend this first: problem(2, random.Random(" in out
    assert out.splitlines()[-1] == "Mend level 2 first."


def test_the_tasks_that_are_files_of_ones_own_are_said_to_be_so(run: Run) -> None:
    code, _, err = run("tasks", "python")
    assert code == 2
    assert "The problems of the task 'python' are in a file of yours." in err
    assert "try: sitool task check FILE" in err


def test_code_that_was_sent_is_refused_until_it_is_agreed_to(run: Run, sent: Path) -> None:
    code, _, err = run("step", sent, "--plain")
    assert code == 2
    first, second = err.splitlines()[-2:]
    assert first.startswith(f"error: The Python code in '{sent / 'task.py'}' was not made")
    assert second == f"try: look at it, then sitool trust {sent}"
    assert run("status", sent)[0] == 0
    assert run("samples", sent, "--role", "greedy")[0] == 2  # Only because no round was drawn.
    code, out, _ = run("trust", sent)
    assert code == 0
    assert trust.digest(SUMS) in out
    assert run("step", sent, "--plain")[0] == 0


def test_a_file_can_be_agreed_to_before_there_is_a_study(run: Run, file: Path) -> None:
    assert not trust.is_trusted(trust.digest(SUMS))
    assert run("trust", file)[0] == 0
    assert trust.is_trusted(trust.digest(SUMS))
    code, _, err = run("trust", file.parent / "nowhere")
    assert code == 2
    assert "nowhere" in err


def test_the_thread_of_a_front_end_shows_the_study_and_says_it_once(sent: Path) -> None:
    told: list[Any] = []
    desk = Desk(sent, told.append)
    desk.start()
    for wanted in (1, 2):
        # A fork changes the study, so that it is looked at again.
        desk.ask(lambda study: study.fork(0))
        while sum(isinstance(one, Looked) for one in told) < wanted:
            time.sleep(0.01)
    desk.close()
    looks = [one.look for one in told if isinstance(one, Looked)]
    assert all(look.summary.head == 0 and look.plan is None for look in looks)
    (refused,) = [one.error for one in told if isinstance(one, Failed)]
    assert "was not made on this machine" in refused.message
