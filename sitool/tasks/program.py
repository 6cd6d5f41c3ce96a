"""A person's task file, run: what draws and scores in a process that can be killed.

The file is Python with a function `problem(level, rng)`, a line such as
`levels = range(1, 6)`, and perhaps `parse(completion)` and `check(problem, answer)`.
What this leaves out: who may run it (`trust.py`), and how the other process is
watched (`tasks/python.py`).
"""

import json
import linecache
import random
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, ClassVar

from sitool.errors import TaskError
from sitool.records import Outcome, Problem, Score
from sitool.tasks.base import require_level, verdict
from sitool.workers import end_with, received

MODULE = "sitool_own_task"
"""The name under which the file runs; classes in it need one."""

MOST_LEVELS = 64
FIELDS = ("prompt", "answer", "facts", "identity")
SHAPE = "it must give (prompt, answer), or a dict with these"


@dataclass(frozen=True, slots=True)
class Functions:
    """What a task file holds."""

    levels: range
    problem: Callable[[int, random.Random], Any]
    parse: Callable[[str], Any] | None
    check: Callable[[Problem, Any], Any] | None


class Program:
    """A task whose functions come from a file's text; they run where this is asked.

    The text runs when it is first needed, so that this can be made and sent to another
    process where it must not run.

    Args:
        source: The file's text.
        file: Its name, for sentences about it.
        max_level: Highest level that is offered; 0: all that the file has.
    """

    name: ClassVar[str] = "python"
    summary: ClassVar[str] = "your own problems from a Python file of yours"
    isolated: ClassVar[bool] = True

    def __init__(self, source: str, file: str, max_level: int = 0) -> None:
        self.source = source
        self.file = file
        self.max_level = max_level
        self._made: Functions | None = None

    def __reduce__(self) -> tuple[type["Program"], tuple[str, str, int]]:
        """Send the text alone."""
        return Program, (self.source, self.file, self.max_level)

    @property
    def functions(self) -> Functions:
        """What the file holds.

        Raises:
            TaskError: It does not run, or lacks something.
        """
        if self._made is None:
            self._made = read_functions(run_file(self.source, self.file), self.file)
        return self._made

    @property
    def levels(self) -> range:
        """The levels that are offered.

        Raises:
            TaskError: The file has fewer than are asked for.
        """
        offered = self.functions.levels
        if self.max_level > len(offered):
            raise TaskError(
                f"max_level is {self.max_level}, and {self.file!r} has {len(offered)} levels.",
                f"try: --set task.max_level={len(offered)}",
            )
        return range(1, self.max_level + 1) if self.max_level else offered

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw a problem.

        Raises:
            TaskError: What the function gives is no problem.
        """
        require_level(self, level)
        given = self.functions.problem(level, rng)
        return problem_of(given, level)

    def parse(self, completion: str) -> str | None:
        """Read the answer as the file's `parse` does; without one it is the whole text."""
        answer = self._read(completion)
        return None if answer is None else str(answer)

    def _read(self, completion: str) -> Any:
        if self.functions.parse is not None:
            return self.functions.parse(completion)
        return completion.strip() or None

    def score(self, problem: Problem, completion: str) -> Score:
        """Score by the file's `check`; without one the answer must be the truth.

        Flexible takes the truth from anywhere in the text.
        """
        answer = self._read(completion)
        truth = rf"(?<!\w){re.escape(problem.truth)}(?!\w)"
        elsewhere = re.search(truth, completion) is not None
        if answer is None:
            why = "no answer could be read in the text"
            return verdict(None, passed=False, found_elsewhere=elsewhere, why=why)
        value = self._value(problem, answer)
        why = f"the answer is {problem.truth}" if value >= 1 else f"not {problem.truth}"
        if self.functions.check is not None:
            why = f"check gave {value:g}"
        flexible = max(value, float(elsewhere))
        return Score(Outcome.SCORED, value, flexible, str(answer), why)

    def _value(self, problem: Problem, answer: Any) -> float:
        """Return how right an answer is, in [0, 1].

        Raises:
            ValueError: `check` gave something else.
        """
        if self.functions.check is None:
            return float(str(answer).strip() == problem.truth)
        given = self.functions.check(problem, answer)
        given = given.item() if hasattr(given, "item") else given
        if not isinstance(given, (bool, int, float)) or not 0 <= given <= 1:
            raise ValueError(f"check gave {given!r:.100}, not True, False or a share from 0 to 1")
        return float(given)


def run_file(source: str, file: str) -> ModuleType:
    """Run a task file's text as a module.

    Raises:
        TaskError: It raises, or is not Python.
    """
    module = ModuleType(MODULE)
    module.__file__ = file
    sys.modules[MODULE] = module
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise TaskError(f"The task file {file!r} does not run: {said(error, file)}.") from error
    return module


def read_functions(module: ModuleType, file: str) -> Functions:
    """Read what a task needs out of its module.

    Raises:
        TaskError: Something is missing, or is not what its name says.
    """
    found = {name: getattr(module, name, None) for name in ("problem", "parse", "check")}
    for name, value in found.items():
        if (value is not None or name == "problem") and not callable(value):
            what = "has no function" if value is None else "has something else than a function"
            raise TaskError(f"{file!r} {what} named {name!r}.", f"try: def {SIGNATURES[name]}: ...")
    levels = as_levels(getattr(module, "levels", None), f"{file!r}")
    return Functions(levels, found["problem"], found["parse"], found["check"])  # type: ignore[arg-type]


SIGNATURES = {
    "problem": "problem(level, rng)",
    "parse": "parse(completion)",
    "check": "check(problem, answer)",
}


def as_levels(given: Any, where: str) -> range:
    """Return levels from 1 without gaps, from a number or a range.

    Raises:
        TaskError: They are something else.
    """
    if isinstance(given, int) and not isinstance(given, bool):
        given = range(1, given + 1)
    is_range = isinstance(given, range) and 1 <= len(given) <= MOST_LEVELS
    if not is_range or given != range(1, len(given) + 1):
        has = "has no levels" if given is None else f"has the levels {given!r:.60}"
        raise TaskError(
            f"{where} {has}; levels are whole numbers from 1 without gaps, at most {MOST_LEVELS}.",
            "try: levels = range(1, 6)",
        )
    return range(1, len(given) + 1)


def problem_of(given: Any, level: int) -> Problem:
    """Make a problem of what a person's function gave.

    Raises:
        TaskError: It is no prompt and answer.
    """
    table = _table_of(given)
    prompt, answer = table.get("prompt"), table.get("answer")
    if not isinstance(prompt, str) or not prompt:
        raise TaskError(f"the prompt is {prompt!r:.100}; it must be a text that is not empty")
    if isinstance(answer, bool) or not isinstance(answer, (str, int, float)):
        raise TaskError(f"the answer is {answer!r:.100}; it must be a text or a number")
    if not str(answer).strip():
        raise TaskError(f"the answer to {prompt!r:.100} is empty")
    facts, identity = table.get("facts") or {}, table.get("identity") or ""
    if not isinstance(facts, Mapping) or not _is_json(facts):
        raise TaskError(f"facts are {facts!r:.100}; they must be a dict of JSON values")
    if not isinstance(identity, str):
        raise TaskError(f"the identity is {identity!r:.100}; it must be a text")
    kept = json.loads(json.dumps(dict(facts)))
    return Problem("python", level, prompt, str(answer).strip(), identity, kept)


def _table_of(given: Any) -> Mapping[str, Any]:
    if isinstance(given, (tuple, list)) and len(given) == 2:
        return dict(zip(FIELDS[:2], given, strict=True))
    if not isinstance(given, Mapping):
        raise TaskError(f"it gave {given!r:.100}; {SHAPE}")
    unknown = [key for key in given if key not in FIELDS]
    if unknown:
        raise TaskError(f"it gave a dict with {unknown[0]!r}; known: {', '.join(FIELDS)}")
    return given


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def said(error: BaseException, file: str) -> str:
    """Say what a person's code raised, and in which of its lines."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == file else line
        trace = trace.tb_next
    line = error.lineno or line if isinstance(error, SyntaxError) else line
    words = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
    return f"{words:.300} (line {line})" if line else f"{words:.300}"


def serve(descriptor: int, parent: int) -> None:
    """Answer questions about the program that is sent first, until the pipe closes.

    A question is (verb, arguments); an answer is (what was asked for, complaint), one of
    the two None.
    """
    end_with(parent)
    with Connection(descriptor) as pipe:
        program: Program = pipe.recv()
        while (question := received(pipe)) is not None:
            pipe.send(answered(program, *question))


def first_of_side(
    program: Program, level: int, seeds: Sequence[int], held_out: bool
) -> Problem | None:
    """Return the first problem of these seeds that is held out, or that is not."""
    problems = (program.problem(level, random.Random(seed)) for seed in seeds)
    return next((problem for problem in problems if problem.held_out == held_out), None)


ANSWERS: dict[str, Callable[..., Any]] = {
    "levels": lambda program: program.levels,
    "problem": lambda program, level, seed: program.problem(level, random.Random(seed)),
    "side": first_of_side,
    "parse": Program.parse,
    "score": Program.score,
}


def answered(program: Program, verb: str, *arguments: Any) -> tuple[Any, str | None]:
    """Carry out one question; what a person's code raises is an answer too."""
    try:
        return ANSWERS[verb](program, *arguments), None
    except TaskError as error:
        return None, str(error)
    except (Exception, SystemExit) as error:
        return None, f"it raised {said(error, program.file)}"
