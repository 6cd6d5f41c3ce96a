"""Functions become a file that stands alone, and what cannot is refused by name."""

import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product as pairs_of
from pathlib import Path
from types import ModuleType
from typing import Any

import local_words
import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_words import shout

from sitool.errors import TaskError
from sitool.seeds import generator
from sitool.tasks.capture import global_names, literal, written
from sitool.tasks.python import PythonTask

FLOOR = 3
START = 3
LETTERS = {"b", "c", "a"}
DIGITS = re.compile(r"\d+", re.ASCII)
LIVE = random.Random(1)
GRID = {1: [(1, 2.5)], 2: [(None, True)]}


@lru_cache(maxsize=64)
def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@dataclass
class Point:
    x: int
    y: int = FLOOR

    def far(self) -> float:
        return math.hypot(self.x, self.y)


class Wide(Point):
    def far(self) -> float:
        return 2 * super().far()


def draw(level: int, rng: random.Random, start: int = FLOOR) -> tuple[str, Any]:
    """Draw with one of everything."""
    letter = rng.choice(sorted(LETTERS))
    first, second = next(pairs_of(GRID[1], repeat=2))
    words = f"{shout(letter)} {start} {first} {second} {Wide(level).far():.3f}"
    return f"{words} {json.dumps(GRID[2])}", fibonacci(level + 5)


def number_in(completion: str) -> str | None:
    found = DIGITS.search(completion)
    return found and found.group()


def test_the_file_draws_what_the_functions_draw() -> None:
    source = written({"problem": draw, "parse": number_in}, range(1, 4))
    task = PythonTask.of_source(source, "task.py")
    for level in task.levels:
        problem = task.problem(level, generator("capture", level))
        seed = generator("capture", level).getrandbits(63)
        prompt, answer = draw(level, random.Random(seed))
        assert (problem.prompt, problem.truth) == (prompt, str(answer))
        assert task.score(problem, f"it is {answer}.").passed
    task.close()


def test_the_file_runs_where_neither_this_module_nor_its_folder_is(tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(written({"problem": draw}, range(1, 4)))
    code = "import task, random; print(task.problem(2, random.Random(5)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(draw(2, random.Random(5)))


def test_the_same_functions_give_the_same_file_in_every_process() -> None:
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]}\n"
        "import test_capture as t; from sitool.tasks.capture import written\n"
        "print(written({'problem': t.draw}, range(1, 4)), end='')"
    )
    here = written({"problem": draw}, range(1, 4))
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == here


def test_names_around_a_nested_function_are_taken_along_too() -> None:
    offset = 40

    def add(number: int) -> int:
        return number + offset

    def problem(level: int, rng: random.Random) -> tuple[str, int]:
        return f"{level}?", add(level)

    task = PythonTask.of_source(written({"problem": problem}, range(1, 3)), "task.py")
    assert task.problem(2, generator(1)).truth == "42"
    task.close()


def uses_live(level: int, rng: random.Random) -> tuple[str, float]:
    return "?", LIVE.random()


def uses_module(level: int, rng: random.Random) -> tuple[str, str]:
    return "?", local_words.shout("a")


def uses_nothing(level: int, rng: random.Random) -> tuple[str, str]:
    return "?", not_there  # type: ignore[name-defined]  # noqa: F821


def uses_other_start(level: int, rng: random.Random) -> tuple[str, int]:
    return shout("a"), START


@pytest.mark.parametrize(
    ("function", "said", "hint"),
    [
        (uses_live, "'uses_live' uses 'LIVE', a live object (Random)", "inside the function"),
        (uses_module, "uses the module 'local_words', which is a file of yours", "from local_wo"),
        (uses_nothing, "uses the name 'not_there', which stands for nothing yet", "not_there ="),
        (lambda level, rng: ("?", 1), "'problem' is or uses a lambda", "with def"),
        (uses_other_start, "the name 'START' for something else", "another name"),
        (LIVE.random, "a live object", ""),
        (eval("__import__('functools').partial(print)"), "a live object (partial)", ""),
    ],
)
def test_what_cannot_be_taken_along_is_refused_by_name(
    function: Callable[..., Any], said: str, hint: str
) -> None:
    with pytest.raises(TaskError) as caught:
        written({"problem": function}, range(1, 3))
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_a_function_without_source_is_refused() -> None:
    space: dict[str, Any] = {"__name__": __name__}
    exec("def problem(level, rng): return '?', 1", space)
    with pytest.raises(TaskError, match="The source of 'problem', .* cannot be read") as caught:
        written({"problem": space["problem"]}, range(1, 3))
    assert "sitool.task('my_task.py')" in caught.value.hint


CONSTANTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner)
    | st.dictionaries(st.text(), inner) | st.frozensets(st.integers() | st.text()),
)  # fmt: skip


@given(value=CONSTANTS)
def test_a_constant_that_is_written_down_comes_back(value: Any) -> None:
    text = literal(value)
    assert text is not None
    assert eval(text) == value


@pytest.mark.parametrize(
    "value", [float("nan"), object(), [object()], {1, (2, LIVE)}, ModuleType("m")]
)
def test_what_is_no_constant_is_not_written_down(value: Any) -> None:
    assert literal(value) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(a, *b, c=D, **e): return a, b, c, e, g", {"D", "g"}),
        ("def f(a: A) -> B:\n    x: C = d\n    return x", {"d"}),
        ("@deco(arg)\ndef f(): return f()", {"deco", "arg"}),
        ("def f(): return [x * y for x in z for y in x if w(y)]", {"z", "w"}),
        ("def f():\n    def g(): return h(i)\n    i = 1\n    return g", {"h"}),
        ("def f():\n    global n\n    n += 1", {"n"}),
        ("def f():\n    import os\n    return os.path, lambda q: q + r", {"r"}),
        ("class K(Base):\n    z = first\n    def m(self): return self.n, other", {"Base", "first", "other"}),
        ("def f():\n    try: return a\n    except E as e: return e", {"a", "E"}),
    ],
)  # fmt: skip
def test_the_names_that_a_definition_takes_from_around_it(text: str, names: set[str]) -> None:
    assert global_names(text) - {"f"} == names
