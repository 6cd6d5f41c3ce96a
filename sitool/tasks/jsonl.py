"""Problems read from a file: one JSON object in a line.

A line needs a `prompt` (or `question`, or `problem`) and an `answer`, and may
give an integer `level`. Levels are numbered from 1 in ascending order, whatever
integers the file uses. Where an answer holds `####`, what follows the last one
is the truth, as in GSM8K. What it leaves out: downloading anything.
"""

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sitool.errors import TaskError, UnknownNameError
from sitool.records import Problem, Score
from sitool.tasks.base import require_level, verdict

PROMPT_FIELDS = ("prompt", "question", "problem")
MATCHES = ("exact", "number", "choice")
MARK = re.compile(r"(?:####|\banswer\s*:)[ \t]*([^\n]*)", re.IGNORECASE)
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+", re.ASCII)
CHOICE = re.compile(r"\b[A-J]\b")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: `level` as given there, 1 where there is none."""

    prompt: str
    answer: str
    level: int


class JsonlTask:
    """Problems and answers from JSON lines.

    Args:
        path: File to train on.
        evaluation_path: File to evaluate on; a prompt that it holds is never
            trained on, whatever `path` says. Without one, the rows whose hash
            makes them held out play that part.
        match: What must agree: the `exact` text, a `number`, or a `choice`
            letter from A to J.

    Raises:
        TaskError: A file is missing, empty or has a malformed line, or every
            prompt is in both files.
        UnknownNameError: No such match.
    """

    name: ClassVar[str] = "jsonl"
    summary: ClassVar[str] = "your own problems from a JSON-lines file; level = its 'level' field"

    def __init__(
        self,
        *,
        path: str | Path,
        evaluation_path: str | Path | None = None,
        match: str = "exact",
    ) -> None:
        if match not in MATCHES:
            raise UnknownNameError("match", match, MATCHES)
        self.match = match
        self.evaluation_rows = read_rows(Path(evaluation_path)) if evaluation_path else []
        kept_apart = {row.prompt for row in self.evaluation_rows}
        self.rows = [row for row in read_rows(Path(path)) if row.prompt not in kept_apart]
        if not self.rows:
            raise TaskError(
                f"Every prompt of {str(path)!r} is also in {str(evaluation_path)!r}, "
                "so nothing is left to train on."
            )
        self._given = sorted({row.level for row in self.rows + self.evaluation_rows})
        self.levels = range(1, len(self._given) + 1)
        self._training = self._by_level(self.rows)
        self._evaluation = self._by_level(self.evaluation_rows)

    def _by_level(self, rows: list[Row]) -> dict[int, list[Row]]:
        grouped: dict[int, list[Row]] = {level: [] for level in self.levels}
        for row in rows:
            grouped[self._given.index(row.level) + 1].append(row)
        return grouped

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Pick a row of the training file.

        Raises:
            TaskError: The level is not offered, or only the evaluation file has it.
        """
        return self._pick(self._training, level, rng)

    def problem_of_side(self, level: int, rng: random.Random, *, held_out: bool) -> Problem | None:
        """Pick a row from the file of one side; None where one file serves both."""
        if not self.evaluation_rows:
            return None
        return self._pick(self._evaluation if held_out else self._training, level, rng)

    def _pick(self, rows: dict[int, list[Row]], level: int, rng: random.Random) -> Problem:
        require_level(self, level)
        if not rows[level]:
            raise TaskError(f"The file has no row of level {self._given[level - 1]}.")
        row = rng.choice(rows[level])
        return Problem(task=self.name, level=level, prompt=row.prompt, truth=row.answer)

    def parse(self, completion: str) -> str | None:
        """Read what follows the last `Answer:` or `####`, to the end of its line."""
        marked = MARK.findall(completion)
        return self._read(marked[-1].strip()) if marked else None

    def _read(self, text: str) -> str | None:
        """Bring an answer into the form in which it is compared."""
        if self.match == "exact":
            return text.strip() or None
        found = (NUMBER if self.match == "number" else CHOICE).findall(text)
        return found[-1] if found else None

    def score(self, problem: Problem, completion: str) -> Score:
        """Compare the marked answer; flexible takes the last number or any text."""
        answer = self.parse(completion)
        passed = answer is not None and self._agree(answer, problem.truth)
        why = f"the answer is {problem.truth}" if passed else f"not {problem.truth}"
        if answer is None:
            why = "no answer after 'Answer:' or '####' in the text"
        return verdict(
            answer,
            passed=passed,
            found_elsewhere=self._found_anywhere(problem.truth, completion),
            why=why,
        )

    def _agree(self, answer: str, truth: str) -> bool:
        if self.match == "number":
            return _value(answer) == _value(self._read(truth) or truth)
        if self.match == "choice":
            return answer == (self._read(truth) or truth)
        return " ".join(answer.split()) == " ".join(truth.split())

    def _found_anywhere(self, truth: str, completion: str) -> bool:
        if self.match == "exact":
            return re.search(rf"(?<!\w){re.escape(truth)}(?!\w)", completion) is not None
        last = self._read(completion)
        return last is not None and self._agree(last, truth)


def _value(text: str) -> float | str:
    """Read a number as people write it, `1,234.50`; text that is none stays text."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


def read_rows(path: Path) -> list[Row]:
    """Read and check a whole file.

    Raises:
        TaskError: The file cannot be read, is empty, or a line is malformed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"Cannot read {path}: {error}.") from error
    rows = [_row(path, i, line) for i, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise TaskError(f"{path} has no problem in it: it needs one JSON object in a line.")
    return rows


def _row(path: Path, number: int, line: str) -> Row:
    """Read one line, or say what is wrong with it and where."""
    try:
        content = json.loads(line)
    except json.JSONDecodeError as error:
        raise TaskError(f"{path}:{number}: not JSON ({error.msg}).") from error
    if not isinstance(content, dict):
        raise TaskError(
            f"{path}:{number}: a line must be a JSON object, not {line.strip()[:40]!r}."
        )
    wrong = _complaint(content)
    if wrong:
        raise TaskError(f"{path}:{number}: {wrong}.")
    prompt = next(content[field] for field in PROMPT_FIELDS if field in content)
    answer = str(content["answer"]).rpartition("####")[2].strip()
    return Row(prompt=prompt, answer=answer, level=content.get("level", 1))


def _complaint(content: dict[str, Any]) -> str:
    """Say what a line lacks, or nothing."""
    prompts = [content[field] for field in PROMPT_FIELDS if field in content]
    if not prompts:
        return "no 'prompt' (or 'question' or 'problem')"
    if not isinstance(prompts[0], str) or not prompts[0]:
        return f"the prompt must be a text, not {prompts[0]!r}"
    answer = content.get("answer")
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        return f"'answer' must be a text or a number, not {answer!r}"
    if not str(answer).rpartition("####")[2].strip():
        return "'answer' is empty"
    level = content.get("level", 1)
    if isinstance(level, bool) or not isinstance(level, int):
        return f"'level' must be an integer, not {level!r}"
    return ""
