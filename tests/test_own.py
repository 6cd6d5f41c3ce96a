"""A task of one's own, from a function or a file to a study; and code that somebody sent."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from own_tasks import PARTS, SMALL, SUMS, file_with
from studies import contents, copied, differing, rows

import sitool
from sitool import trust
from sitool.client import Study
from sitool.errors import ConfigError, SitoolError, TaskError
from sitool.process import end_engine
from sitool.records import Outcome

Make = Callable[..., Study]


@pytest.fixture(autouse=True)
def _nothing_is_trusted_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "sums.py").write_text(SUMS)
    return tmp_path / "sums.py"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes scripted studies on a task of one's own."""
    made: list[Study] = []

    def make_study(task: Any, *assignments: str, name: str = "study") -> Study:
        made.append(sitool.create(tmp_path / name, task=task, assignments=[*SMALL, *assignments]))
        return made[-1]

    yield make_study
    for study in made:
        end_engine(study.folder)
        study.close()


@pytest.fixture(scope="module")
def sums_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study on sums with its base measured; for copying only."""
    folder = tmp_path_factory.mktemp("sums")
    (folder / "sums.py").write_text(SUMS)
    study = sitool.create(folder / "study", task=folder / "sums.py", assignments=SMALL)
    study.run(0)
    study.close()
    return study.folder


@pytest.fixture
def sent(sums_study: Path, tmp_path: Path) -> Iterator[Study]:
    """Return a study as somebody sends it: with a round, and on a machine that knows it not."""
    with copied(sums_study, tmp_path / "sent") as study:
        yield study
        end_engine(study.folder)


def double(level: int, rng: Any) -> tuple[str, int]:
    number = rng.randrange(10 ** (level - 1), 10**level)
    return f"2*{number}=", 2 * number


def last_digit(completion: str) -> str | None:
    return completion[-1:] if completion.isdigit() else None


# From a person's hands to a study.


def test_functions_become_a_study_that_another_process_runs(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITOOL_ENGINE", "process")
    study = make(sitool.task(double, levels=range(1, 4)))
    round_ = study.step()
    samples = list(round_.samples())
    assert len(samples) == 36
    for sample in samples:
        left, _, number = sample.problem.prompt.rstrip("=").partition("*")
        assert sample.problem.truth == str(int(left) * int(number))
        assert not sample.problem.held_out
        right = sample.completion.text == sample.problem.truth
        assert (sample.scores["truth"].value == 1.0) is right
    held_out = [s.problem for s in round_.samples(role="greedy")]
    assert held_out
    assert all(problem.held_out for problem in held_out)


def test_a_study_goes_on_where_nobody_has_the_file_or_the_functions(
    make: Make, file: Path, tmp_path: Path
) -> None:
    make(file).step()
    end_engine(tmp_path / "study")
    file.unlink()
    shutil.move(tmp_path / "study", tmp_path / "moved")
    moved = sitool.open(tmp_path / "moved")
    assert moved.step(inline=True).number == 2
    moved.close()


def test_functions_and_their_file_make_the_same_study(make: Make, tmp_path: Path) -> None:
    task = sitool.task(double, levels=3, parse=last_digit)
    (tmp_path / "again.py").write_text(task.source)
    studies = [make(task, name="one"), make(tmp_path / "again.py", name="two")]
    for study in studies:
        study.step(inline=True)
    found = [contents(study.folder) for study in studies]
    assert differing(*found) == []


def test_a_resumed_round_is_the_uninterrupted_one(make: Make, file: Path) -> None:
    whole, parts = make(file, name="whole"), make(file, name="parts")
    whole.step(inline=True)
    for phase in ("draw", "sample", "verify", "select", "train", None):
        parts.step(to=phase, inline=True)
    assert differing(contents(whole.folder), contents(parts.folder)) == []


def test_the_file_its_hash_and_its_levels_are_kept(make: Make, file: Path) -> None:
    study = make(file)
    own = study.settings.task
    assert (study.folder / "task.py").read_text() == SUMS
    assert (own.name, own.path, own.max_level) == ("python", "task.py", 4)
    assert own.sha256 == trust.digest(SUMS)
    study.run(0)
    (kept,) = rows(study.folder, "SELECT settings FROM rounds")
    assert json.loads(kept[0])["task"]["sha256"] == own.sha256


def test_settings_are_the_same_thing(file: Path, tmp_path: Path) -> None:
    words = ["task.name=python", f"task.path={file}", "task.max_level=2", *PARTS]
    study = sitool.create(tmp_path / "study", assignments=words)
    assert list(study.task.levels) == [1, 2]
    study.close()


def test_json_lines_go_the_same_way(make: Make, tmp_path: Path) -> None:
    lines = [json.dumps({"prompt": f"{i}+1=", "answer": i + 1}) for i in range(60)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    task = sitool.task(tmp_path / "rows.jsonl", match="number")
    problem = task.problem(1)
    assert task.score(problem, f"#### {problem.truth}").passed
    study = make(task)
    assert (study.settings.task.name, study.settings.task.match) == ("jsonl", "number")
    assert study.step(inline=True).number == 1


def test_a_verifier_that_counts_votes_reads_answers_by_it(make: Make) -> None:
    task = sitool.task(double, levels=2, parse=last_digit)
    study = make(task, 'verifier.names=["majority"]', "draw.samples=4")
    scores = [s.scores["majority"] for s in study.step(inline=True).samples()]
    read = {score.answer for score in scores if score.outcome is Outcome.SCORED}
    assert read <= set("0123456789")
    assert read


def test_a_check_that_raises_costs_its_samples_and_not_the_round(
    make: Make, tmp_path: Path
) -> None:
    body = "a = rng.randrange(100, 999)\n    return f'{a}=', a"
    check = "def check(problem, answer):\n    return int(answer) == int(problem.truth)"
    (tmp_path / "raises.py").write_text(file_with(body, check))
    samples = list(make(tmp_path / "raises.py").step(inline=True).samples())
    odd = [s for s in samples if not s.completion.text.isdigit()]
    assert odd  # The scripted base writes '?' now and then.
    assert {str(s.scores["truth"].outcome) for s in odd} == {"error"}
    assert {s.scores["truth"].value for s in odd} == {None}


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (lambda file: sitool.task(double), "The task has no levels"),
        (lambda file: sitool.task(double, levels=range(0, 3)), r"has the levels range\(0, 3\)"),
        (lambda file: sitool.task(lambda level: 1, levels=1), "cannot be called as problem"),
        (lambda file: sitool.task(double, double, levels=1, parse=double), "called as parse"),
        (lambda file: sitool.task(7, levels=1), "problem is '7', which cannot be called"),
        (lambda file: sitool.task(file, last_digit), "check and parse belong into it"),
        (lambda file: sitool.task(file.with_name("none.py")), "cannot be read"),
        (lambda file: sitool.task(file, levels=9).levels, "max_level is 9, and 'sums.py' has 4"),
    ],
)
def test_a_mistake_in_a_task_is_one_sentence(
    file: Path, task: Callable[[Path], Any], said: str
) -> None:
    with pytest.raises(TaskError, match=said):
        task(file)


def test_an_unknown_setting_of_a_task_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match="'python' has no setting 'match'"):
        _ = sitool.task(file, match="number").levels


def test_nothing_is_written_where_a_level_cannot_be_drawn(make: Make, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(file_with("return f'{1 // (3 - level)}', 1"))
    with pytest.raises(TaskError, match=r"problem\(3, random\.Random\(\d+\)\) in 'bad.py' failed"):
        make(tmp_path / "bad.py")
    assert not (tmp_path / "study").exists()
    assert not trust.trusted_folder().exists()


def test_another_file_in_the_folder_is_not_overwritten(
    make: Make, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "task.py").write_text("mine")
    with pytest.raises(TaskError, match="exists already and is another file"):
        make(file)
    assert (tmp_path / "study" / "task.py").read_text() == "mine"
    assert not (tmp_path / "study" / "study.db").exists()


# Code that somebody sent.


def test_code_that_was_sent_does_not_run_on_a_step(sent: Study, tmp_path: Path) -> None:
    for inline in (True, False):
        with pytest.raises(TaskError, match="was not made on this machine") as caught:
            sent.step(inline=inline)
        assert caught.value.hint == f"try: look at it, then sitool trust {sent.folder}"
    with pytest.raises(TaskError, match="was not made on this machine"):
        sent.plan()
    assert [r.number for r in sent.rounds()] == [0]
    assert len(list(sent.round(0).samples(role="greedy"))) == 16  # It can be looked at.


def test_after_agreeing_it_runs(sent: Study) -> None:
    assert [code.sha256 for code in sent.trust()] == [sent.settings.task.sha256]
    assert sent.step(inline=True).number == 1


def test_a_changed_file_is_refused_and_cannot_be_agreed_to_in_mid_study(sent: Study) -> None:
    sent.trust()
    (sent.folder / "task.py").write_text(SUMS.replace("+", "-"))
    with pytest.raises(TaskError, match="was changed since its study was made"):
        sent.step(inline=True)
    with pytest.raises(TaskError, match="one study has one task") as caught:
        sent.trust()
    assert "--task-file" in caught.value.hint
    (sent.folder / "task.py").write_text(SUMS)
    assert sent.step(inline=True).number == 1


def test_a_warm_engine_refuses_a_file_that_was_changed_under_it(
    make: Make, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITOOL_ENGINE", "process")
    study = make(file)
    study.step()
    assert study.engine_pid is not None
    (study.folder / "task.py").write_text(SUMS + "# one more line\n")
    with pytest.raises(TaskError, match="was changed since its study was made"):
        study.step()


def test_before_the_first_round_a_changed_file_can_be_agreed_to(make: Make, file: Path) -> None:
    study = make(file)
    (study.folder / "task.py").write_text(SUMS.replace("range(1, 5)", "range(1, 3)"))
    with pytest.raises(TaskError, match="was changed"):
        study.step(inline=True)
    study.trust()
    assert list(study.task.levels) == [1, 2]
    assert study.step(inline=True).number == 1


def test_a_file_that_is_gone_is_said(sent: Study) -> None:
    (sent.folder / "task.py").unlink()
    with pytest.raises(TaskError, match=r"task\.py' cannot be read: No such file"):
        sent.step(inline=True)


def test_a_settings_file_alone_does_not_make_code_run(file: Path, tmp_path: Path) -> None:
    settings = tmp_path / "sent.toml"
    settings.write_text(f'[task]\nname = "python"\npath = "{file}"\n')
    with pytest.raises(TaskError, match="was not made on this machine"):
        sitool.create(tmp_path / "study", file=settings, assignments=PARTS)
    assert not (tmp_path / "study").exists()


def test_a_study_without_code_has_nothing_to_agree_to(tmp_path: Path) -> None:
    study = sitool.create(tmp_path / "plain", assignments=PARTS)
    with pytest.raises(TaskError, match="has the task 'path' and no code of its own"):
        study.trust()
    study.close()


def test_modules_that_lie_in_a_sent_study_are_not_imported(
    make: Make, file: Path, tmp_path: Path
) -> None:
    """Whoever works in the study's own folder must not run what lies there by accident."""
    folder = make(file).folder
    end_engine(folder)
    mark = tmp_path / "ran"
    for name in ("json", "numpy", "random", "sitool", "typing_extensions"):
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'w').write({name!r})\n")
    script = tmp_path / "script.py"  # As the installed command: its own folder comes first.
    script.write_text("from sitool.__main__ import main\nmain()\n")
    root = str(Path(sitool.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-P", script, "step", "."],
        cwd=folder,
        env=os.environ | {"SITOOL_ENGINE": "process", "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not mark.exists(), mark.read_text()


def test_every_error_of_a_task_is_one_that_a_person_can_mend(sent: Study) -> None:
    with pytest.raises(SitoolError) as caught:
        sent.curriculum.harder()
    assert "sitool trust" in caught.value.hint
