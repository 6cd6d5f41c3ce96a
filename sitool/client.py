"""What a person, a script or a front end holds: a study to drive and to look at.

    study = sitool.create("my-study", preset="path")
    study.step()
    for sample in study.round(1).samples(accepted=True, level=5):
        print(sample.completion.text)
    study.curriculum.harder()
    study.fork(0)

Importing this loads no torch; that happens in the engine, when a round runs. The
engine is a process of its own, started when it is needed and shared by everybody
who looks at the study. With `inline=True`, or SITOOL_ENGINE=inline in the
environment, rounds run in the asking process: for debuggers and batch jobs.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sitool import curriculum as rules
from sitool import events, loop, own, registry
from sitool.commands import Commands
from sitool.config import CurriculumSettings, Settings
from sitool.errors import SitoolError, StudyError
from sitool.events import Event
from sitool.models.builtin import check_base
from sitool.models.loading import check_scripted
from sitool.parts import make_task
from sitool.planning import situations
from sitool.planning.estimates import Estimate, estimate
from sitool.presets import build_settings, changed_settings, merge, parse_settings
from sitool.process import end_engine, engine_pid, ensure_engine
from sitool.records import Action, Phase, Sample
from sitool.store import Metric, Plan, SampleFilter, Store
from sitool.summary import Comparison, Summary, compare, summarise
from sitool.tasks.base import Task
from sitool.views import RoundView

if TYPE_CHECKING:
    from sitool.gap import GapReport
    from sitool.overlay import Lens, Overlay
    from sitool.own import OwnTask
    from sitool.sharpening.report import SharpeningReport, Targets


def create(
    folder: str | Path,
    preset: str | None = None,
    *,
    settings: Settings | None = None,
    file: str | Path | None = None,
    assignments: Sequence[str] = (),
    task: "OwnTask | str | Path | None" = None,
) -> "Study":
    """Make a new study in a folder that has none.

    Args:
        preset: Name of a preset to begin with; see `sitool presets`.
        settings: Settings to begin with; a preset is laid over them.
        file: TOML file of settings, laid over the preset.
        assignments: `a.b=value` texts, laid over everything.
        task: A task of one's own, from `sitool.task`, or its file: `.py` or `.jsonl`. Its code
            is kept with the study.

    Raises:
        ConfigError: A setting is wrong; nothing is written.
        SitoolError: The task, the base or the folder is not usable; nothing is written.
    """
    path = Path(folder)
    words = assignments if task is None else ()
    built = build_settings(preset, Path(file) if file else None, words, settings)
    given = None
    if task is not None:
        given, built = own.begin_with(task, built, assignments)
    built, code = own.settle(built, given, assignments)
    built = _with_whole_paths(built)
    own.check_free(path, code)
    _check_levels(own.levels_of(built), built)
    check_scripted(built)
    registry.check_installed("sampler", built.sampler.name)
    check_base(built.model)
    is_new = not path.exists()
    try:
        store = Store.create(path)
    except SitoolError:
        if is_new:
            shutil.rmtree(path, ignore_errors=True)
        raise
    own.keep(path, code)
    store.tree.set_next_settings(built)
    store.tree.set_meta("preset", preset or "")
    return Study(store)


def open_study(folder: str | Path) -> "Study":
    """Open the study in a folder.

    Raises:
        StoreError: There is none, or it is of a newer format.
    """
    return Study(Store(Path(folder)))


class Study:
    """One study: step it, look at it, overrule it, go back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._commands = Commands(store)
        self._task: Task | None = None

    @property
    def folder(self) -> Path:
        """Where the study is."""
        return self._store.folder

    @property
    def settings(self) -> Settings:
        """The settings of the round that starts next."""
        return self._store.tree.next_settings

    @property
    def task(self) -> Task:
        """The study's task."""
        if self._task is None:
            self._task = make_task(self.settings, self.folder)
        return self._task

    def trust(self) -> str:
        """Agree that the code of this study's task runs on this machine; returns its hash.

        Look at the file first: it can do all that you can. A study that was made here needs
        no agreement.

        Raises:
            TaskError: The study has no code of its own, or it was changed after its first round.
        """
        begun = bool(self._store.tree.rounds())
        settings, sha256 = own.agree_to(self.folder, self.settings, begun=begun)
        if settings != self.settings:
            self._store.tree.set_next_settings(settings)
        self._task = None
        return sha256

    @property
    def head(self) -> RoundView | None:
        """The finished round that the next one starts from."""
        head = self._store.tree.head
        return None if head is None else self.round(head)

    @property
    def curriculum(self) -> "Curriculum":
        """What the next round draws, and the controls for it."""
        return Curriculum(self)

    def rounds(self) -> list[RoundView]:
        """Return all rounds, in the order in which they were made."""
        return [RoundView(self._store, r) for r in self._store.tree.rounds()]

    def round(self, number: int) -> RoundView:
        """Return one round.

        Raises:
            StudyError: There is no such round.
        """
        return RoundView(self._store, self._store.tree.round(number))

    def sample(self, sample_id: int) -> Sample:
        """Return one sample with its scores and decisions.

        Raises:
            StudyError: There is no such sample.
        """
        return self._store.samples.sample(sample_id)

    def samples(self, where: SampleFilter) -> Iterator[Sample]:
        """Go through the samples of the whole study that fit a filter."""
        return self._store.samples.each(where)

    def summary(self) -> Summary:
        """Return every number of the study, as of now."""
        return summarise(self._store)

    def compare(self, first: int, second: int) -> Comparison:
        """Compare two rounds on the held-out problems that both met.

        Raises:
            StudyError: One of them does not exist or is not evaluated yet.
        """
        rounds = [self._store.tree.round(number) for number in (first, second)]
        for round_ in rounds:
            if not round_.finished:
                raise StudyError(f"{round_.label} is not evaluated yet.", "try: sitool step DIR")
        return compare(self._store, *rounds)

    def gap(
        self,
        rounds: Sequence[int] = (),
        verifiers: Sequence[str] = (),
        filters: Sequence[str] = (),
    ) -> "GapReport":
        """Measure the generation-verification gap on held-out samples, as of now.

        Args:
            rounds: Their numbers; empty: from the base to the head.
            verifiers: Names, or several joined by `+`, which must all agree; empty: every
                judge that has scored these rounds.
            filters: Such as `quantile:0.25` for all verifiers, or `mc=threshold:0.7` for one.

        Raises:
            StudyError: A round has no held-out samples whose truth is known.
            UnknownNameError: A verifier has scored none of these rounds.
        """
        # Imported late, for it is a hundred records that the first screen has no use for.
        from sitool.gap import report_gap

        return report_gap(self._store, rounds, verifiers, filters)

    def step(self, to: Phase | str | None = None, *, inline: bool | None = None) -> RoundView:
        """Run the next round, or go on with the open one, and return it.

        The first step of a study measures the base before.

        Args:
            to: Stop after this phase, such as `select` to review the samples
                before training on them. None: to the end of the round.
            inline: Run it in this process; None as SITOOL_ENGINE says.

        Raises:
            SitoolError: The round cannot go on; what is done is kept.
        """
        for _ in self.stream_rounds(1, to, inline=inline):
            pass
        open_round = self._store.tree.open_round()
        return self._head_view() if open_round is None else RoundView(self._store, open_round)

    def run(self, rounds: int, *, inline: bool | None = None) -> RoundView:
        """Run this many rounds and return the last; 0 only measures the base."""
        for _ in self.stream_rounds(rounds, inline=inline):
            pass
        return self._head_view()

    def stream_rounds(
        self, rounds: int = 1, to: Phase | str | None = None, *, inline: bool | None = None
    ) -> Iterator[Event]:
        """Do what `run` and `step` do and yield the events.

        Whoever stops reading them leaves the engine at work; `stop` stops it.

        Raises:
            StudyError: `to` is no phase.
            SitoolError: A round cannot go on; what is done is kept.
        """
        if to is not None and to not in tuple(Phase):
            raise StudyError(f"No phase is named {to!r}; known: {', '.join(Phase)}.")
        body = {"rounds": rounds, "to": None if to is None else str(to)}
        yield from self._commands.stream("step", body, inline=inline)

    def _head_view(self) -> RoundView:
        head = self.head
        if head is None:
            raise StudyError("The base is not measured yet.", "try: sitool run DIR --rounds 0")
        return head

    def ask(self, kind: str, body: Mapping[str, Any]) -> int:
        """Leave a command for the engine, started if need be, and return its id.

        Raises:
            EngineDiedError: No engine can be started.
        """
        return self._commands.ask(kind, body)

    def stop(self) -> None:
        """Stop the round that runs, here or in another process; what is done is kept."""
        self._commands.stop()

    @property
    def version(self) -> int:
        """A number that changes whenever another process, or thread, changes the study."""
        return self._store.version

    @property
    def busy(self) -> bool:
        """Whether a command is waiting or being carried out; by whom, `engine_pid` tells."""
        return self._store.journal.undecided()

    def events(self, after: int = 0) -> list[tuple[int, float, Event]]:
        """Return the next journaled events as (id, seconds since 1970, event)."""
        return self._store.journal.events(after)

    def last_round_start(self) -> int:
        """Return the event id after which the newest round's events begin."""
        return self._store.journal.last_round_start()

    @property
    def engine_pid(self) -> int | None:
        """The process that works on this study, or None."""
        return engine_pid(self.folder)

    def warm_up(self) -> int:
        """Start the study's engine, which loads the model at once; returns its process id.

        Raises:
            EngineDiedError: It ended before it was ready.
        """
        return ensure_engine(self.folder)

    def end_engine(self) -> bool:
        """End the study's engine after its present chunk or step; False if there is none."""
        return end_engine(self.folder)

    def accept(self, sample_id: int, reason: str = "") -> None:
        """Let a sample count in training, whatever the verifiers say."""
        self._decide(sample_id, Action.ACCEPT, reason)

    def reject(self, sample_id: int, reason: str = "") -> None:
        """Keep a sample out of training, whatever the verifiers say."""
        self._decide(sample_id, Action.REJECT, reason)

    def edit(self, sample_id: int, text: str, reason: str = "") -> None:
        """Train on a completion of your own in a sample's place."""
        self._decide(sample_id, Action.EDIT, reason, text)

    def note(self, sample_id: int, text: str) -> None:
        """Write something down beside a sample; it changes nothing else."""
        self._decide(sample_id, Action.NOTE, text)

    def clear(self, sample_id: int, reason: str = "") -> None:
        """Take a ruling back: the verifiers decide again."""
        self._decide(sample_id, Action.CLEAR, reason)

    def _decide(self, sample_id: int, action: Action, reason: str, text: str | None = None) -> None:
        body = {"sample": sample_id, "action": action.value, "reason": reason, "text": text}
        self._commands.change("decide", body)

    def configure(
        self, *assignments: str, table: Mapping[str, Any] | None = None
    ) -> dict[str, tuple[Any, Any]]:
        """Change settings of the next round; returns path -> (before, after).

        Args:
            assignments: `a.b=value` texts.
            table: Nested settings, laid under the assignments.

        Raises:
            ConfigError: A setting is wrong; nothing is changed.
            StudyError: The setting belongs to the whole study.
        """
        before = self.settings
        base = parse_settings(merge(before.model_dump(mode="json"), table or {}))
        after = build_settings(assignments=assignments, base=base)
        self._commands.change("configure", {"settings": after.model_dump(mode="json")})
        return changed_settings(before, after)

    def undo(self) -> RoundView:
        """Step back: leave the open round, or move the head to its parent."""
        self._commands.change("undo", {})
        return self._head_view()

    def fork(self, number: int, *assignments: str) -> RoundView:
        """Let the next round start from an older one, with its settings and these changes.

        Raises:
            StudyError: There is no such round, or it is not finished.
        """
        target = self._store.tree.round(number)
        changed = build_settings(assignments=assignments, base=target.settings)
        settings = changed.model_dump(mode="json") if assignments else None
        self._commands.change("fork", {"round": number, "settings": settings})
        return self._head_view()

    def redo(self, number: int) -> RoundView:
        """Open a twin of a round: the same samples, selected again under today's rulings.

        Step it to train from the same parent and to evaluate.

        Raises:
            StudyError: There is no such round, or it is not finished.
        """
        self._commands.change("redo", {"round": number})
        return self.rounds()[-1]

    def evaluate(
        self, number: int | None = None, problems_per_level: int = 256, samples: int = 0
    ) -> list[Metric]:
        """Measure a finished round again, with more problems; its own numbers stay.

        Args:
            number: The round; None is the head.
            samples: Of each problem, for pass@k; 0 is greedy only.
        """
        figures: list[Metric] = []
        for event in self.stream_evaluation(number, problems_per_level, samples):
            if isinstance(event, events.RoundEvaluated):
                figures = [Metric(*figure) for figure in event.figures]
        return figures

    def stream_evaluation(
        self, number: int | None, problems_per_level: int, samples: int
    ) -> Iterator[Event]:
        """Do what `evaluate` does and yield the events."""
        chosen = self._head_view().number if number is None else number
        body = {"round": chosen, "problems_per_level": problems_per_level, "samples": samples}
        yield from self._commands.stream("evaluate", body)

    def measure(
        self,
        number: int | None,
        verifiers: Sequence[str],
        *,
        training: bool = False,
        inline: bool | None = None,
    ) -> RoundView:
        """Let verifiers score a finished round's held-out samples; only scores are added.

        What has been scored already is not scored again, so a stopped measurement
        goes on when it is asked for once more. Judges ask as the settings of the next
        round say; `RoundView.judges` tells how each was asked.

        Args:
            number: The round; None is the head.
            verifiers: Such as `mc`, `likelihood@base` or `mc@3`.
            training: Also score the samples that the round drew for training.
            inline: Do it in this process; None as SITOOL_ENGINE says.

        Raises:
            SitoolError: There is no such round or verifier, or it cannot go on; what is
                done is kept.
        """
        for _ in self.stream_measurement(number, verifiers, training=training, inline=inline):
            pass
        return self._head_view() if number is None else self.round(number)

    def stream_measurement(
        self,
        number: int | None,
        verifiers: Sequence[str],
        *,
        training: bool = False,
        inline: bool | None = None,
    ) -> Iterator[Event]:
        """Do what `measure` does and yield the events."""
        names = registry.check_verifiers(verifiers)
        chosen = self._head_view().number if number is None else number
        body = {"round": chosen, "verifiers": names, "training": training}
        yield from self._commands.stream("measure", body, inline=inline)

    def plan(self) -> Plan:
        """Work out what the next round will draw.

        Raises:
            StudyError: Round 0 is not finished yet.
        """
        head = self._head_view().record
        return loop.plan_round(self._store, self.task, self.settings, head)

    def estimate(self, *assignments: str) -> Estimate:
        """Estimate the memory and the time that the next round will take; loads no model.

        Before the base is measured it is the first round that draws.

        Args:
            assignments: `a.b=value` texts, laid over the settings of the next round.

        Raises:
            SitoolError: A setting is wrong, or the base's files are not on this machine.
        """
        settings = build_settings(assignments=assignments, base=self.settings)
        head = self._store.tree.head
        if head is None:
            return estimate(settings, situations.of_new_study(settings, self.task))
        parent = self._store.tree.round(head)
        problems = loop.plan_round(self._store, self.task, settings, parent).problems
        known = (self._store, head, settings, self.task, problems, self.engine_pid)
        return estimate(settings, situations.of_round(*known))

    def sharpening(
        self,
        number: int | None = None,
        *,
        level: int | None = None,
        targets: "Targets | None" = None,
    ) -> "SharpeningReport":
        """Measure what choosing by likelihood would bring a round, on its held-out samples.

        Nothing is drawn: the pool is what the round's evaluation has drawn.

        Args:
            number: The round; None is the head.
            level: Problems of this level alone; None: all.
            targets: What the theory is asked for; None: delta, epsilon and rho of 0.1.

        Raises:
            StudyError: The round is not evaluated, or has no held-out samples.
            ConfigError: A target is out of its bounds.
        """
        from sitool.sharpening.measuring import measure_sharpening
        from sitool.sharpening.report import Targets

        round_ = self._head_view().record if number is None else self._store.tree.round(number)
        return measure_sharpening(self._store, round_, level, targets or Targets())

    def report(self, file: str | Path) -> Path:
        """Write the whole study as one HTML file that needs no network, and return the file.

        Raises:
            StudyError: There is nothing to report yet, or the file cannot be written.
            MissingDependencyError: vl-convert is not installed.
        """
        # Imported late: whoever steps and looks has no use for it.
        from sitool.report import write_report

        return write_report(self._store, Path(file))

    def theory(self, tip: int | None = None, lens: "Lens | None" = None) -> "Overlay":
        """Lay the theory over a branch: fitted skills, predicted rounds, the feedback loop.

        Args:
            tip: The round at the branch's end; None is the head.
            lens: Which model, which measure, how many steps a level has; None: a shared skill,
                greedy success, and level k of k steps.

        Raises:
            StudyError: The base is not measured yet, or not as the lens asks.
            LabError: A number of the lens is out of range.
        """
        # Imported late, for the first screen has no use for the laboratory.
        from sitool.overlay import lay_over

        summary = self.summary()
        plan = self.plan() if summary.head is not None and tip in (None, summary.head) else None
        return lay_over(summary, tip, lens, plan)

    def would_train_on(self, number: int) -> int:
        """Return how many samples a round would train on under the rulings of this moment."""
        return loop.weigh(self._store, self._store.tree.round(number)).accepted

    def close(self) -> None:
        """Close the database; the study stays as it is."""
        self._store.close()


class Curriculum:
    """Which levels the next round draws from, and how to change it."""

    def __init__(self, study: Study) -> None:
        self._study = study

    @property
    def settings(self) -> CurriculumSettings:
        """The curriculum's settings of the next round."""
        return self._study.settings.curriculum

    @property
    def weights(self) -> Mapping[int, float]:
        """The next round's weight by level, summing to 1."""
        return self._study.plan().weights

    def harder(self) -> Mapping[int, float]:
        """Move the mixture one level harder; returns the next round's weights."""
        return self._move(rules.harder(self.settings, list(self._study.task.levels)))

    def easier(self) -> Mapping[int, float]:
        """Move the mixture one level easier; returns the next round's weights."""
        return self._move(rules.easier(self.settings, list(self._study.task.levels)))

    def set(self, **changes: Any) -> Mapping[int, float]:
        """Change settings such as `rule="manual"` or `weights={5: 1, 6: 2}`.

        Returns:
            The next round's weights; none as long as the base is not measured.

        Raises:
            ConfigError: A setting is wrong; nothing is changed.
        """
        self._study.configure(table={"curriculum": changes})
        return {} if self._study.head is None else self.weights

    def _move(self, settings: CurriculumSettings) -> Mapping[int, float]:
        return self.set(shift=settings.shift)


def _with_whole_paths(settings: Settings) -> Settings:
    """Make the paths of files hold from every folder."""
    table = settings.model_dump(mode="json")
    own_file = settings.task.name == "python"  # It is in the study's folder, wherever that goes.
    for name in () if own_file else ("path", "evaluation_path"):
        if table["task"].get(name):
            table["task"][name] = str(Path(table["task"][name]).expanduser().resolve())
    if settings.llamacpp.file:
        table["llamacpp"]["file"] = str(Path(settings.llamacpp.file).expanduser().resolve())
    if Path(settings.model.base).expanduser().is_dir():
        table["model"]["base"] = str(Path(settings.model.base).expanduser().resolve())
    return parse_settings(table)


def _check_levels(levels: range, settings: Settings) -> None:
    rules.ladder(settings.curriculum, list(levels))
