"""A check of a task: what the base makes of it, told level by level, from another process too."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from own_tasks import PARTS

from sitool.errors import TaskError
from sitool.metrics import wilson
from sitool.models.scripted import ScriptedModel
from sitool.presets import build_settings
from sitool.tasks.chain import ChainTask
from sitool.validation import LevelCheck, Questions, TaskReport
from sitool.validation.attempts import attempt
from sitool.validation.questions import check_levels
from sitool.validation.soundness import Bench, look_at
from sitool.verifiers.guard import Guard, verifier_spec


def scripted(problems: int = 8, samples: int = 4, levels: tuple[int, ...] = ()) -> Questions:
    settings = build_settings(assignments=[*PARTS, "task.name=chain"])
    return Questions(settings, "", problems, samples, levels)


def counted(found: LevelCheck) -> tuple[int, int]:
    assert found.attempts is not None
    return found.attempts.passed, found.attempts.samples


def test_success_is_what_the_scripted_base_is_known_for() -> None:
    """Its chance of a right answer on level k is 0.7 ** k."""
    found = list(scripted(80, 16, (1, 4)).answers(inline=True))
    for check, chance in zip(found, (0.7, 0.7**4), strict=True):
        assert check.attempts is not None
        assert check.attempts.sampled is not None
        assert check.attempts.sampled.low - 0.05 <= chance <= check.attempts.sampled.high + 0.05
        assert check.attempts.unparsed > 0
        kinds = [example.said for example in check.attempts.examples]
        assert kinds == ["right", "wrong", "unparsed"]


def test_the_figures_are_those_of_the_scores() -> None:
    (found,) = scripted(8, 4, (2,)).answers(inline=True)
    passed, samples = counted(found)
    assert samples == 32
    assert found.attempts is not None
    assert found.attempts.sampled is not None
    assert found.attempts.sampled.value == pytest.approx(passed / samples)
    assert found.attempts.greedy is not None
    greedy = found.attempts.greedy
    assert greedy == wilson(round(greedy.value * 8), 8)


def test_each_level_is_told_as_soon_as_it_is_known() -> None:
    stream = scripted().answers(inline=True)
    assert next(stream).level == 1
    assert next(stream).level == 2
    stream.close()  # type: ignore[attr-defined]


def test_another_process_finds_the_same() -> None:
    asked = scripted(4, 2, (1, 3))
    assert list(asked.answers(inline=False)) == list(asked.answers(inline=True))


def test_an_error_in_the_other_process_is_raised_here() -> None:
    with pytest.raises(TaskError, match="The task has no level 13: it offers 1 to 12"):
        next(iter(scripted(levels=(13,)).answers(inline=False)))


@pytest.mark.parametrize(("problems", "samples"), [(0, 4), (4, 0), (-1, -1)])
def test_a_check_of_nothing_is_refused(problems: int, samples: int) -> None:
    with pytest.raises(TaskError, match=f"problems is {problems} and samples is {samples}"):
        scripted(problems, samples).answers(inline=True)


def test_a_level_that_is_not_there_is_refused() -> None:
    with pytest.raises(TaskError, match="The task has no level 13: it offers 1 to 12"):
        next(iter(scripted(levels=(13,)).answers(inline=True)))


def test_the_built_in_base_succeeds_where_its_card_says_so() -> None:
    settings = build_settings(assignments=["task.name=chain"])
    found = list(check_levels(Questions(settings, "", 16, 4, (1, 8))))
    (easy, samples), (hard, _) = map(counted, found)
    assert easy / samples > 0.9
    assert hard == 0
    assert "no signal" in found[1].advice
    assert found[0].soundness.prompt_tokens == len(ChainTask().problem(1, _rng()).prompt)


def _rng() -> random.Random:
    return random.Random(1)


def test_asking_loads_no_model_library_here(tmp_path: Path) -> None:
    code = (
        "import sys, sitool\n"
        f"task = sitool.task({str(_rows(tmp_path))!r})\n"
        "report = task.check(problems=2, samples=1)\n"
        "assert report.levels[0].attempts.samples == 2, report\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _rows(folder: Path) -> Path:
    rows = [{"prompt": f"{i}+1=", "answer": i + 1} for i in range(60)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder / "rows.jsonl"


def report_of(text: str) -> TaskReport:
    """Return the report of a base that says one thing to every problem."""

    class Parrot(ScriptedModel):
        def success(self, level: int) -> float:
            return 0.0

        def decode(self, token_ids: Any) -> str:
            return text

    task = ChainTask()
    settings = build_settings(assignments=PARTS)
    with Guard(verifier_spec("truth", task), 20.0) as guard:
        bench = Bench(task, task, guard, None, settings)
        sound, problems = look_at(bench, 2)
        found = attempt(bench, Parrot(), problems[:4], 2)
    return TaskReport("chain", "parrot", (LevelCheck(2, sound, found),))


def test_what_a_model_writes_is_shown_as_text() -> None:
    report = report_of("<script>alert(1)</script>\x1b[31m\n")
    assert "<script" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()
    assert "\x1b" not in str(report)
    assert "\x1b" not in report._repr_html_()
    assert "0 of 8: no signal; no answer could be read in 8 of them" in str(report)
    assert report.advice == "No level has a signal: add easier ones, or take another base."


def test_the_report_says_of_each_level_what_to_make_of_it() -> None:
    report = TaskReport("chain", "scripted", tuple(scripted(16, 4, (1, 2, 9)).answers(inline=True)))
    words = [level.advice for level in report.levels]
    assert "mostly right" in words[0]
    assert "a level to begin with" in words[1]
    for level in report.levels:
        passed, samples = counted(level)
        assert level.advice.startswith(f"{passed} of {samples}: ")
        assert str(level) in str(report)
    assert report.advice.startswith("The base succeeds sometimes at level")
    assert report.ok
