"""A task of one's own, as a person holds it: from functions, a Python file, or JSON lines.

    task = sitool.task(problem, levels=range(1, 6))
    task.check(base="tiny")
    study = sitool.create("my-study", task=task)

What this leaves out: how functions become a file (`tasks/capture.py`), how they are run
(`tasks/python.py`), and what is looked at before (`validation/`).
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from sitool import agreements, trust, validation
from sitool.config import Settings
from sitool.config.tasks import PythonTaskSettings
from sitool.errors import TaskError
from sitool.parts import make_task
from sitool.presets import assign, build_settings, parse_settings
from sitool.records import Problem, Score
from sitool.seeds import generator
from sitool.tasks.base import Task
from sitool.tasks.capture import written
from sitool.tasks.jsonl import JsonlTask
from sitool.tasks.program import SIGNATURES, as_levels
from sitool.tasks.python import PythonTask
from sitool.validation import LevelCheck, TaskReport

TASK_FILE = "task.py"
"""What a study calls the file with its task's code, in its own folder."""


class OwnTask:
    """A task of one's own; see `task`.

    Attributes:
        settings: The table `task` of a study's settings.
        source: The Python that a study keeps; empty for JSON lines.
    """

    def __init__(self, settings: Mapping[str, Any], source: str = "") -> None:
        self.settings = dict(settings)
        self.source = source
        self._made: Task | None = None

    def __repr__(self) -> str:
        """Say where it comes from."""
        return f"<task of {len(self.levels)} levels, {self.settings['path']}>"

    @property
    def made(self) -> Task:
        """The task itself, made when it is first needed.

        Raises:
            TaskError: Its file does not run, or is malformed.
        """
        if self._made is None:
            known = validation.Questions(self._all_settings(), self.source)
            self._made = known.make_task()
        return self._made

    @property
    def levels(self) -> range:
        """The levels that it offers."""
        return self.made.levels

    def problem(self, level: int, seed: int = 0) -> Problem:
        """Draw a problem to look at.

        Raises:
            TaskError: The level is not offered, or the function fails on it.
        """
        return self.made.problem(level, generator(seed, "look", level))

    def score(self, problem: Problem, completion: str) -> Score:
        """Score a text as an answer to a problem."""
        return self.made.score(problem, completion)

    def check(
        self,
        base: str = "tiny",
        problems: int = 8,
        samples: int = 4,
        *,
        levels: Sequence[int] = (),
        seed: int = 0,
        assignments: Sequence[str] = (),
        inline: bool = False,
        show: bool = True,
    ) -> TaskReport:
        """Look at every level: is the task sound, and does the base succeed sometimes?

        Args:
            base: A built-in base, a folder or a hub name.
            problems: Of each level that the base answers; 0: it is not asked.
            samples: Sampled answers of each, beside a greedy one.
            levels: Only these; empty: all.
            seed: Of what is drawn.
            assignments: `a.b=value` texts, such as `sampler.max_new_tokens=200`.
            inline: Load the base in this process, not in one of its own.
            show: In a notebook, show the levels as they come.

        Raises:
            SitoolError: The task cannot be made, or the base not be loaded.
        """
        report = TaskReport(str(self), base, ())
        shown = validation.live_display(report) if show else None
        stream = self.stream_check(
            base, problems, samples,
            levels=levels, seed=seed, assignments=assignments, inline=inline,
        )  # fmt: skip
        for level in stream:
            report = replace(report, levels=(*report.levels, level))
            if shown is not None:
                shown.update(report)
        return report

    def stream_check(
        self,
        base: str = "tiny",
        problems: int = 8,
        samples: int = 4,
        *,
        levels: Sequence[int] = (),
        seed: int = 0,
        assignments: Sequence[str] = (),
        inline: bool = False,
    ) -> Iterator[LevelCheck]:
        """Do what `check` does and yield the levels as they come."""
        settings = self._all_settings(base, seed, assignments)
        agreements.settle_bases(settings, assignments)
        asked = validation.Questions(settings, self.source, problems, samples, tuple(levels))
        return asked.answers(inline=inline)

    def _all_settings(
        self, base: str = "tiny", seed: int = 0, assignments: Sequence[str] = ()
    ) -> Settings:
        table: dict[str, Any] = {"task": self.settings, "model": {"base": base}, "seed": seed}
        if base == "scripted":
            table |= {name: {"name": "scripted"} for name in ("sampler", "trainer")}
        return parse_settings(assign(table, assignments))


def task(
    problem: Callable[..., Any] | str | Path,
    check: Callable[..., Any] | None = None,
    *,
    levels: range | int | None = None,
    parse: Callable[..., Any] | None = None,
    **settings: Any,
) -> OwnTask:
    """Make a task of one's own.

    Args:
        problem: A function `problem(level, rng)` that returns a prompt and its answer, or a
            dict with these and perhaps `facts` (for `check`) and `identity` (what makes two
            problems the same; else the prompt does). Or a file: `.py` with such functions, or
            `.jsonl` with problems.
        check: A function `check(problem, answer)` that says whether an answer is right, or how
            right, from 0 to 1. Without one the answer must be the truth.
        levels: The difficulties, such as `range(1, 6)`; a file brings its own.
        parse: A function `parse(completion)` that returns the answer in a text, or None.
            Without one it is the whole text.
        settings: More settings of the task, such as `match="number"` for JSON lines.

    Raises:
        TaskError: The functions refer to something that cannot be taken along, or the
            levels or the file are not what they must be.
    """
    if isinstance(problem, (str, Path)):
        if check is not None or parse is not None:
            raise TaskError(f"{str(problem)!r} is a file, so check and parse belong into it.")
        return _of_file(Path(problem).expanduser().resolve(), levels, settings)
    given = {"problem": problem, "check": check, "parse": parse}
    functions = {name: function for name, function in given.items() if function is not None}
    for name, function in functions.items():
        _check_signature(name, function)
    source = written(functions, as_levels(levels, "The task"))
    return OwnTask({"name": "python", "path": TASK_FILE, **settings}, source)


def _of_file(file: Path, levels: range | int | None, settings: Mapping[str, Any]) -> OwnTask:
    if file.suffix == ".py":
        top = {} if levels is None else {"max_level": len(as_levels(levels, "The task"))}
        table = {"name": "python", "path": str(file), **top, **settings}
        return OwnTask(table, trust.read_code(file))
    if levels is not None:
        raise TaskError(f"The levels of {file.name!r} are those of its lines.")
    return OwnTask({"name": JsonlTask.name, "path": str(file), **settings})


def _check_signature(name: str, function: Any) -> None:
    """Refuse a function that cannot be called as it will be.

    Raises:
        TaskError: It is none, or takes something else.
    """
    wanted = SIGNATURES[name]
    places = wanted.count(",") + 1
    try:
        inspect.signature(function).bind(*range(places))
    except (TypeError, ValueError) as error:
        has = getattr(function, "__name__", repr(function))
        raise TaskError(
            f"{name} is {has!r}, which cannot be called as {wanted}: {error}."
        ) from error


def begin_with(
    own: "OwnTask | str | Path", settings: Settings, assignments: Sequence[str]
) -> tuple[OwnTask, Settings]:
    """Put a task of one's own into settings, and assignments over it.

    Raises:
        TaskError: The file cannot be read.
        ConfigError: A setting is wrong.
    """
    own = own if isinstance(own, OwnTask) else task(own)
    laid = parse_settings(settings.model_dump(mode="json") | {"task": own.settings})
    return own, build_settings(assignments=assignments, base=laid)


def settle(
    settings: Settings, own: OwnTask | None, assignments: Sequence[str]
) -> tuple[Settings, str]:
    """Return settings as a study keeps them, and the code to keep beside them.

    Whoever gives a task, or names its file in an assignment, agrees to its code with that;
    a settings file, which may come from anybody, agrees to nothing.

    Raises:
        TaskError: It does not run, does not draw problems, or may not run here.
    """
    named = settings.task
    if named.name != "python":
        return settings, ""
    if own is not None and own.source and own.settings["path"] == named.path:
        source = own.source
    else:
        place = Path(named.path).expanduser().resolve()
        typed = any(text.partition("=")[0].strip() == "task.path" for text in assignments)
        source = trust.read_code(place) if typed else trust.read_trusted(place)
    sha256 = trust.digest(source)
    if named.sha256 not in ("", sha256):
        raise TaskError(
            f"The task file {named.path!r} is not the one that is asked for: its SHA-256 begins"
            f" with {sha256[:12]}, not {named.sha256[:12]}."
        )
    file = Path(named.path).name
    made = PythonTask.of_source(source, file, named.max_level, named.time_limit_seconds)
    with closing(made):
        for level in made.levels:
            made.problem(level, generator(settings.seed, "first look", level))
    trust.agree(source, named.path)
    table = settings.model_dump(mode="json")
    table["task"] |= {"path": TASK_FILE, "sha256": sha256, "max_level": len(made.levels)}
    return parse_settings(table), source


def levels_of(settings: Settings) -> range:
    """Return the levels of the task in settings that `settle` gave.

    Raises:
        TaskError: The task's own settings or its file are wrong.
    """
    if settings.task.name == "python":
        return range(1, settings.task.max_level + 1)
    return make_task(settings).levels


def check_free(folder: Path, source: str) -> None:
    """Make sure that a study's folder has no other task file.

    Raises:
        TaskError: It has.
    """
    file = folder / TASK_FILE
    if source and file.exists() and trust.read_code(file) != source:
        raise TaskError(
            f"{str(file)!r} exists already and is another file than the study's task.",
            "try: another folder for the study",
        )


def keep(folder: Path, source: str) -> None:
    """Write a task's code into the folder of its study."""
    if source:
        (folder / TASK_FILE).write_bytes(source.encode())


def agree_to(folder: Path, settings: Sequence[Settings], *, begun: bool) -> Settings:
    """Agree to the code of a study, its task's and its bases', and return its settings.

    Args:
        settings: Those of the next round, and of others whose bases may be read.
        begun: Whether the study has a round already: then the code must be that of its rounds.

    Raises:
        TaskError: There is none, it cannot be read, or it was changed.
        ModelError: A base is not on this machine, or its code cannot be looked at.
    """
    upcoming, bases = settings[0], agreements.base_codes(settings)
    if upcoming.task.name == "python":
        upcoming = _agree_to_task(folder, upcoming, upcoming.task, begun=begun)
    elif not bases:
        raise TaskError(
            f"The study in {str(folder)!r} has the task {upcoming.task.name!r} and no code of its"
            " own, so there is nothing to agree to.",
            f"try: sitool status {folder}",
        )
    for code in bases:
        code.agree()
    return upcoming


def _agree_to_task(
    folder: Path, settings: Settings, named: PythonTaskSettings, *, begun: bool
) -> Settings:
    file = folder / named.path
    source = trust.read_code(file)
    sha256 = trust.digest(source)
    if begun and sha256 != named.sha256:
        raise TaskError(
            f"{str(file)!r} was changed since its study was made: its SHA-256 begins with"
            f" {sha256[:12]}, not {named.sha256[:12]}, and one study has one task.",
            f"try: put the file back as it was, or sitool new OTHER --task-file {file}",
        )
    trust.agree(source, str(file))
    if sha256 == named.sha256:
        return settings
    table = settings.model_dump(mode="json")
    table["task"] |= {"sha256": sha256, "max_level": 0}
    changed = parse_settings(table)
    table["task"]["max_level"] = len(make_task(changed, folder).levels)
    return parse_settings(table)
