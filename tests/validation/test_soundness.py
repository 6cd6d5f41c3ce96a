"""Each way in which a level can be unsound is found and said, and a sound level has no fault."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from sitool.config import Settings
from sitool.models.scripted import ScriptedModel
from sitool.records import Problem, Score
from sitool.tasks.addition import AdditionTask
from sitool.tasks.base import Task, verdict
from sitool.tasks.chain import ChainTask
from sitool.tasks.countdown import CountdownTask
from sitool.tasks.path import PathTask
from sitool.validation.findings import LevelCheck, Soundness
from sitool.validation.soundness import HELD_OUT, TRAINING, Bench, look_at
from sitool.verifiers.guard import Guard, verifier_spec


class Doubles:
    """A sound task, to be spoilt in one place."""

    name: ClassVar[str] = "doubles"
    summary: ClassVar[str] = "double a number"
    levels = range(1, 9)

    def problem(self, level: int, rng: random.Random) -> Problem:
        number = rng.randrange(10**level, 10 ** (level + 3))
        return Problem(self.name, level, self.prompt(number), str(self.truth(number)))

    def prompt(self, number: int) -> str:
        return f"2*{number}="

    def truth(self, number: int) -> object:
        return 2 * number

    def parse(self, completion: str) -> str | None:
        return completion if completion.isdigit() else None

    def score(self, problem: Problem, completion: str) -> Score:
        answer = self.parse(completion)
        return verdict(answer, passed=answer == problem.truth, why="as it is")


class OneSided(Doubles):
    def problem(self, level: int, rng: random.Random) -> Problem:
        problem = super().problem(level, rng)
        return self.problem(level, rng) if problem.held_out else problem


class Few(Doubles):
    def prompt(self, number: int) -> str:
        return f"2*{number % 20}="

    def truth(self, number: int) -> object:
        return 2 * (number % 20)


class Ambiguous(Few):
    def truth(self, number: int) -> object:
        return number


class Misread(Doubles):
    def parse(self, completion: str) -> str | None:
        return completion[:-1] or None


class Gullible(Doubles):
    def score(self, problem: Problem, completion: str) -> Score:
        return verdict(completion, passed=True)


class Unsteady(Doubles):
    drawn: ClassVar[Iterator[int]] = itertools.count()

    def prompt(self, number: int) -> str:
        return f"{next(self.drawn)}: 2*{number}="


class Failing(Doubles):
    def score(self, problem: Problem, completion: str) -> Score:
        return verdict(str(int(completion)), passed=completion == problem.truth)


class Foreign(Doubles):
    def prompt(self, number: int) -> str:
        return f"größer als {number}?"


class Long(Doubles):
    def truth(self, number: int) -> object:
        return "1" * 60 + str(number)


def looked_at(task: Task, twin: Task | None = None, level: int = 2, model: Any = None) -> Soundness:
    settings = Settings()
    with Guard(verifier_spec("truth", task), 20.0) as guard:
        return look_at(Bench(task, twin or task, guard, model, settings), level)[0]


@pytest.mark.parametrize("task", [Doubles(), AdditionTask(), PathTask(), ChainTask()])
def test_a_sound_level_has_no_fault(task: Task) -> None:
    found = looked_at(task, level=6, model=ScriptedModel())
    assert found.faults == ()
    assert found.truths == (20, 20)
    assert (found.training, found.held_out) == (TRAINING, HELD_OUT)
    assert found.answerable


def test_its_problems_are_those_of_training_and_all_differ() -> None:
    task = ChainTask()
    with Guard(verifier_spec("truth", task), 20.0) as guard:
        found, problems = look_at(Bench(task, task, guard, None, Settings()), 2)
    assert len({problem.key for problem in problems}) == len(problems) == found.training
    assert not any(problem.held_out for problem in problems)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (OneSided(), "has no held-out problem"),
        (Misread(), "the truth itself is not accepted in 20 of 20, such as"),
        (Gullible(), "an empty answer is accepted"),
        (Gullible(), "the truth of another problem is accepted in 20 of 20"),
        (Unsteady(), "the same seed, drawn again, gives another problem"),
        (Failing(), "an empty answer cannot be scored: ValueError"),
    ],
)
def test_a_fault_is_found_and_said(task: Task, said: str) -> None:
    found = looked_at(task)
    assert any(said in fault for fault in found.faults), found.faults
    assert LevelCheck(2, found, None).advice.startswith("mend this first: ")


def test_what_another_process_draws_otherwise_is_found() -> None:
    class Shifted(Doubles):
        def truth(self, number: int) -> object:
            return 2 * number + 1

    found = looked_at(Doubles(), twin=Shifted())
    (fault,) = found.faults
    assert "drawn again in another process, gives another problem" in fault


def test_few_problems_and_two_answers_to_one_prompt_are_warnings() -> None:
    few = looked_at(Few())
    assert few.faults == ()
    assert few.training + few.held_out == 20
    assert [w.split(" different")[0] for w in few.warnings] == [
        f"only {few.training}",
        f"only {few.held_out}",
    ]
    ambiguous = looked_at(Ambiguous())
    assert any("has two answers" in warning for warning in ambiguous.warnings)


def test_some_right_answers_of_others_are_only_a_warning() -> None:
    """In countdown another expression may be right, and now and then is."""
    found = looked_at(CountdownTask(), level=1)
    assert found.faults == ()
    assert found.wrong[0] <= found.wrong[1] / 2


@pytest.fixture(scope="module")
def tiny() -> Any:
    from sitool.models.loading import load_model

    return load_model(Settings())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Foreign, "the base cannot read the prompt 'größer als"),
        (Foreign, "no token for 'ö', 'ß'"),
        (Long, "the longest answer takes 6"),
        (Long, "and sampler.max_new_tokens is 48"),
    ],
)
def test_what_the_base_cannot_read_or_write_is_a_fault(
    tiny: Any, make: Callable[[], Task], said: str
) -> None:
    found = looked_at(make(), model=tiny)
    assert any(said in fault for fault in found.faults), found.faults
    assert not found.answerable


def test_a_prompt_that_leaves_no_room_in_the_context_is_a_fault(tiny: Any) -> None:
    class Wide(Doubles):
        def prompt(self, number: int) -> str:
            return "2*" + "0" * 250 + f"{number}="

    found = looked_at(Wide(), model=tiny)
    assert found.prompt_tokens is not None
    assert found.answer_tokens is not None
    assert found.prompt_tokens + found.answer_tokens > 256
    assert any("the base's context has 256" in fault for fault in found.faults)
