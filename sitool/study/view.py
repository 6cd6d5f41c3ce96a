"""One study, to look at: its rounds, its samples, and all that can be measured of them.

What this leaves out: changing anything (`client.py`), one round (`rounds.py`), and how a
measurement is made (`gap/`, `sharpening/`, `overlay.py`, `planning/`, `report/`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sitool import agreements, loop
from sitool.agreements import Code
from sitool.config import Settings
from sitool.errors import StoreError, StudyError
from sitool.events import Event
from sitool.parts import make_task
from sitool.planning import situations
from sitool.planning.estimates import Estimate, estimate
from sitool.presets import build_settings
from sitool.process import engine_pid
from sitool.records import Sample
from sitool.store import Plan, Store, round_label
from sitool.study.frames import rounds_frame
from sitool.study.lineage import mark_of, overall_words, tree_lines
from sitool.study.queries import Sampled
from sitool.study.rounds import RoundView
from sitool.summary import Comparison, Summary, compare, summarise
from sitool.tasks.base import Task

if TYPE_CHECKING:
    from sitool.gap import GapReport
    from sitool.overlay import Lens, Overlay
    from sitool.sharpening.report import SharpeningReport, Targets


class TreeText(str):
    """A tree of rounds that a prompt and a notebook show as it is drawn."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class StudyView(Sampled):
    """One study, to look at; nothing here changes it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._task: Task | None = None

    def __repr__(self) -> str:
        try:
            return f"<Study {str(self.folder)!r}: {self._words()}>"
        except StoreError:
            return f"<Study {str(self.folder)!r}: closed, or not to be read>"

    def _words(self) -> str:
        s, head, count = self.settings, self._store.tree.head, len(self._store.tree.rounds())
        task = f"{s.task.name} on {s.model.base}, seed {s.seed}"
        if head is None:
            return f"{task}; not measured yet"
        return f"{task}; {count} round{'s' * (count != 1)}, head {round_label(head)}"

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

    @property
    def code(self) -> list[Code]:
        """The Python that this study brings along, in its task and its bases; none of it runs.

        Each piece says where its files are, their hash, and whether it may run here.

        Raises:
            TaskError: The task's file cannot be read.
            ModelError: A base is not on this machine yet, or its code cannot be looked at.
        """
        return agreements.codes_of_study(self.folder, self._settings_ahead())

    def _settings_ahead(self) -> list[Settings]:
        """Return the settings of the next round, and of the one that is open."""
        open_round = self._store.tree.open_round()
        return [self.settings, *([] if open_round is None else [open_round.settings])]

    @property
    def head(self) -> RoundView | None:
        """The finished round that the next one starts from."""
        head = self._store.tree.head
        return None if head is None else self.round(head)

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

    def summary(self) -> Summary:
        """Return every number of the study, as of now."""
        return summarise(self._store)

    @property
    def tree(self) -> TreeText:
        """The tree of rounds as text: ● is the head, ▸ under way, ✗ was left, ✎ overruled.

        >>> study.tree
        r0000   .31 base
        r0001   .33
        r0002 ● .35
        """
        summary = self.summary()
        lines = (
            f"{line.stem}{line.round.round.label}{mark_of(line.round, summary)}"
            f"{overall_words(line.round).strip()}"
            for line in tree_lines(summary)
        )
        return TreeText("\n".join(line.rstrip() for line in lines) or "no rounds yet")

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame` with a row for each level of each round.

        Level 0 is all levels together. `accuracy` is greedy and strict on held-out problems,
        from `low` to `high` with `n` of them; `success` is that of the round's own samples.

        Raises:
            MissingDependencyError: pandas is not installed.

        >>> table = study.to_pandas()
        >>> overall = table[table.level == 0].set_index("round").accuracy
        >>> bool(overall[2] == study.round(2).accuracy[0].value)
        True
        """
        return rounds_frame(self.summary())

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

    def would_train_on(self, number: int) -> int:
        """Return how many samples a round would train on under the rulings of this moment."""
        return loop.weigh(self._store, self._store.tree.round(number)).accepted

    def report(self, file: str | Path) -> Path:
        """Write the whole study as one HTML file that needs no network, and return the file.

        Raises:
            StudyError: There is nothing to report yet, or the file cannot be written.
            MissingDependencyError: vl-convert is not installed.
        """
        # Imported late: whoever steps and looks has no use for it.
        from sitool.report import write_report

        return write_report(self._store, Path(file))

    @property
    def version(self) -> int:
        """A number that changes whenever another process, or thread, changes the study."""
        return self._store.version

    @property
    def busy(self) -> bool:
        """Whether a round or a measurement is asked for or at work; `engine_pid` says whose."""
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

    def close(self) -> None:
        """Close the database; the study stays as it is."""
        self._store.close()

    def _head_view(self) -> RoundView:
        head = self.head
        if head is None:
            raise StudyError("The base is not measured yet.", "try: sitool run DIR --rounds 0")
        return head
