"""A task in a Python file: drawn and scored in other processes, whatever its code does."""

import gc
import os
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from own_tasks import SUMS, file_with

from sitool.draws import draw_level
from sitool.errors import TaskError
from sitool.records import Completion, Outcome, Problem, Score
from sitool.seeds import generator
from sitool.tasks.base import ForeignTask, SplitTask, draw_problem
from sitool.tasks.python import PythonTask
from sitool.verifiers.guard import Guard, verifier_spec

Make = Callable[..., PythonTask]


@pytest.fixture
def make() -> Iterator[Make]:
    """Return a maker of tasks whose processes end with the test."""
    made: list[PythonTask] = []

    def of(source: str, limit_seconds: float = 20.0) -> PythonTask:
        made.append(PythonTask.of_source(source, "mine.py", time_limit_seconds=limit_seconds))
        return made[-1]

    yield of
    for task in made:
        task.close()


def verified(task: PythonTask, *texts: str, limit_seconds: float = 20.0) -> list[Score]:
    problem = task.problem(1, generator("verified"))
    with Guard(verifier_spec("truth", task), limit_seconds) as guard:
        return guard.verify([(problem, Completion((), text, "stop", ())) for text in texts])


def test_a_problem_is_what_the_function_makes_of_level_and_seed(make: Make) -> None:
    task, space = make(SUMS), dict[str, Callable[..., tuple[str, int]]]()
    exec(SUMS, space)
    assert task.levels == range(1, 5)
    for level in task.levels:
        drawn = task.problem(level, generator("one", level))
        seed = generator("one", level).getrandbits(63)
        prompt, answer = space["problem"](level, random.Random(seed))
        assert drawn == Problem("python", level, prompt, str(answer))


def test_another_process_draws_the_same_problems(make: Make) -> None:
    letters = file_with("return rng.choice(list({'ab', 'cd', 'ef', 'gh'})), level")
    one, other = make(letters), make(letters)
    for i in range(20):
        assert one.problem(2, generator(i)) == other.problem(2, generator(i))


def test_it_keeps_to_the_split_as_generated_tasks_do(make: Make) -> None:
    task = make(SUMS)
    assert isinstance(task, SplitTask)
    assert isinstance(task, ForeignTask)
    keys: dict[bool, set[str]] = {}
    for held_out in (True, False):
        drawn = draw_level(task, 3, 60, ("split",), held_out=held_out, repeat=False)
        assert all(problem.held_out is held_out for problem in drawn)
        keys[held_out] = {problem.key for problem in drawn}
        assert len(keys[held_out]) == 60
    assert keys[True].isdisjoint(keys[False])
    share = sum(task.problem(3, generator("share", i)).held_out for i in range(400))
    assert 50 <= share <= 115


def test_an_identity_of_ones_own_decides_what_is_the_same(make: Make) -> None:
    body = "a, b = rng.randrange(9), rng.randrange(9)\n    return dict("
    body += "prompt=f'{a}+{b}=', answer=a + b, identity=f'{min(a, b)}+{max(a, b)}')"
    task = make(file_with(body))
    by_prompt = {p.prompt: p for p in (task.problem(1, generator(i)) for i in range(400))}
    assert by_prompt["1+2="].key == by_prompt["2+1="].key
    assert by_prompt["1+2="].held_out == by_prompt["2+1="].held_out


def test_facts_reach_the_check(make: Make) -> None:
    check = "def check(problem, answer):\n    return int(answer) in problem.facts['allowed']"
    task = make(file_with("return dict(prompt='?', answer=1, facts={'allowed': (1, 5)})", check))
    problem = task.problem(1, generator(1))
    assert problem.facts == {"allowed": [1, 5]}
    assert [task.score(problem, text).value for text in ("5", "4")] == [1.0, 0.0]


def test_without_functions_of_ones_own_the_whole_text_must_be_the_truth(make: Make) -> None:
    task = make(SUMS)
    problem = Problem("python", 1, "3+4=", "7")
    assert task.score(problem, " 7\n").passed
    assert task.score(problem, "it is 7").value == 0.0
    assert task.score(problem, "it is 7").flexible == 1.0
    assert task.score(problem, "17").flexible == 0.0
    assert task.score(problem, "  ").outcome is Outcome.UNPARSED
    assert task.parse(" 7 ") == "7"


def test_parse_and_check_of_ones_own_are_used(make: Make) -> None:
    more = (
        "def parse(completion):\n    return [int(c) for c in completion] if completion else None\n"
        "def check(problem, answer):\n    return sum(answer) / 10\n"
    )
    task = make(file_with("return '?', '55'", more))
    problem = task.problem(1, generator(1))
    scores = [task.score(problem, text) for text in ("55", "23", "")]
    assert [score.value for score in scores] == [1.0, 0.5, None]
    assert scores[1].answer == "[2, 3]"
    assert scores[2].outcome is Outcome.UNPARSED


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 5", r"it gave 5; it must give \(prompt, answer\)"),
        ("return 'only a prompt', ", "it gave"),
        ("return '', 1", "the prompt is ''; it must be a text that is not empty"),
        ("return 3, 1", "the prompt is 3"),
        ("return '?', None", "the answer is None; it must be a text or a number"),
        ("return '?', True", "the answer is True"),
        ("return '?', ' '", "the answer to '\\?' is empty"),
        ("return dict(prompt='?', answer=1, fact={})", "a dict with 'fact'; known: prompt"),
        ("return dict(prompt='?', answer=1, facts={'a': rng})", "they must be a dict of JSON"),
        ("return dict(prompt='?', answer=1, identity=3)", "the identity is 3"),
        ("return 1 / 0", r"it raised ZeroDivisionError: division by zero \(line 5\)"),
        ("import sys; sys.exit('enough')", "it raised SystemExit: enough"),
        ("import os; os._exit(3)", "The task's process died"),
        ("return problem(level, rng)", "RecursionError"),
    ],
)
def test_what_a_problem_function_does_wrong_is_one_sentence_with_level_and_seed(
    make: Make, body: str, said: str
) -> None:
    task = make(file_with(body))
    seed = generator("wrong").getrandbits(63)
    with pytest.raises(TaskError, match=said) as caught:
        task.problem(2, generator("wrong"))
    sentence = f"problem(2, random.Random({seed})) in 'mine.py' failed: "
    assert caught.value.message.startswith(sentence)
    assert caught.value.message.count("\n") == 0


def test_one_that_hangs_is_killed_and_the_next_one_is_drawn(make: Make) -> None:
    task = make(file_with("while level == 2: pass\n    return f'{rng.random()}', 1"), 0.5)
    task.problem(1, generator(1))
    assert task._worker is not None
    hung = task._worker.process
    with pytest.raises(TaskError, match=r"problem\(2, .*No answer within 0\.5 s"):
        task.problem(2, generator(1))
    assert hung.returncode == -9
    assert task.problem(1, generator(1)).prompt


def test_the_guilty_one_of_many_draws_is_named(make: Make) -> None:
    task = make(file_with("x = rng.randrange(40)\n    return f'{1 // x} {rng.random()}', 1"))
    with pytest.raises(TaskError) as caught:
        for i in range(100):
            draw_problem(task, 1, generator("guilty", i), held_out=True)
    seed = int(caught.value.message.partition("Random(")[2].partition(")")[0])
    assert random.Random(seed).randrange(40) == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("levels = 3", "'mine.py' has no function named 'problem'"),
        ("levels = 3\nproblem = 5", "has something else than a function named 'problem'"),
        ("def problem(level, rng): ...", "'mine.py' has no levels"),
        ("levels = range(2, 4)\ndef problem(l, r): ...", r"has the levels range\(2, 4\)"),
        ("levels = 65\ndef problem(l, r): ...", "at most 64"),
        ("import not_there", r"does not run: ModuleNotFoundError: .* \(line 1\)"),
        ("levels = 1\ndef problem(:", r"does not run: SyntaxError: .* \(line 2\)"),
        ("raise KeyError('x')", "does not run: KeyError: 'x'"),
    ],
)
def test_a_file_that_is_no_task_is_refused_with_its_line(
    make: Make, source: str, said: str
) -> None:
    with pytest.raises(TaskError, match=said):
        make(source)


def test_a_check_that_raises_is_an_error_and_never_a_zero(make: Make) -> None:
    check = "def check(problem, answer):\n    return int(answer) == 1"
    scores = verified(make(file_with("return '?', 1", check)), "1", "one", "2")
    assert [str(score.outcome) for score in scores] == ["scored", "error", "scored"]
    assert [score.value for score in scores] == [1.0, None, 0.0]
    assert "ValueError" in scores[1].explanation


def test_a_check_that_hangs_is_killed_at_its_limit(make: Make) -> None:
    check = "def check(problem, answer):\n    while answer == 'loop': pass\n    return True"
    task = make(file_with("return '?', 1", check))
    scores = verified(task, "1", "loop", "1", limit_seconds=4.0)
    assert [str(score.outcome) for score in scores] == ["scored", "error", "scored"]
    assert "No answer within" in scores[1].explanation


@pytest.mark.parametrize("given", ["None", "'yes'", "2", "-1", "float('nan')", "[True]"])
def test_a_check_that_gives_no_share_is_an_error(make: Make, given: str) -> None:
    task = make(file_with("return '?', 1", f"def check(problem, answer):\n    return {given}"))
    (score,) = verified(task, "1")
    assert score.outcome is Outcome.ERROR
    assert "not True, False or a share from 0 to 1" in score.explanation


def test_nothing_of_the_file_runs_in_this_process(make: Make, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    note = f"open({str(mark)!r}, 'a').write(str(__import__('os').getpid()) + ' ')"
    task = make(f"{note}\n{SUMS}")
    problem = task.problem(1, generator(1))
    pickle.loads(pickle.dumps(task.inside))
    verified(task, problem.truth)
    ran_in = {int(number) for number in mark.read_text().split()}
    assert len(ran_in) == 2
    assert os.getpid() not in ran_in


def test_a_level_that_it_does_not_offer_is_refused(make: Make) -> None:
    task = make(SUMS)
    with pytest.raises(TaskError, match="has no level 5: it offers 1 to 4"):
        task.problem(5, generator(1))
    with pytest.raises(TaskError, match="max_level is 9, and 'mine.py' has 4 levels"):
        PythonTask.of_source(SUMS, "mine.py", max_level=9)


def test_its_process_ends_when_nobody_holds_the_task_any_longer(make: Make) -> None:
    task = PythonTask.of_source(SUMS, "mine.py")
    assert task._worker is not None
    number = task._worker.process.pid
    del task
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_whoever_waits_for_it_can_look_up_and_leave(make: Make) -> None:
    class LeftError(BaseException):
        pass

    def leave() -> None:
        raise LeftError

    task = make(file_with("while level == 2: pass\n    return '?', 1"), 100.0)
    task.breathe = leave
    with pytest.raises(LeftError):
        task.problem(2, generator(1))
    assert task._worker is None
    task.breathe = lambda: None
    assert task.problem(1, generator(1)).prompt == "?"
