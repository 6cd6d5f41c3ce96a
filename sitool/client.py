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

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sitool import events, own, registry
from sitool.agreements import Code
from sitool.commands import Commands, runs_inline
from sitool.config import Settings
from sitool.errors import StudyError
from sitool.events import Event
from sitool.presets import build_settings, changed_settings, merge, parse_settings
from sitool.process import end_engine, ensure_engine
from sitool.records import Action, Phase
from sitool.store import Metric, Store
from sitool.study.controls import Curriculum
from sitool.study.founding import found, free_name
from sitool.study.meters import watching
from sitool.study.rounds import RoundView
from sitool.study.view import StudyView

if TYPE_CHECKING:
    from sitool.own import OwnTask
    from sitool.widgets.panel import Panel

__all__ = ["Curriculum", "Study", "create", "open_study"]


def create(
    folder: str | Path,
    preset: str | None = None,
    *,
    settings: Settings | None = None,
    file: str | Path | None = None,
    assignments: Sequence[str] = (),
    task: "OwnTask | str | Path | None" = None,
    numbered: bool = False,
) -> "Study":
    """Make a new study in a folder that has none.

    Args:
        folder: Where; folders above it are made too.
        preset: Name of a preset to begin with; see `sitool presets`.
        settings: Settings to begin with; a preset is laid over them.
        file: TOML file of settings, laid over the preset.
        assignments: `a.b=value` texts, laid over everything.
        task: A task of one's own, from `sitool.task`, or its file: `.py` or `.jsonl`. Its code
            is kept with the study.
        numbered: If something is there already, leave it alone and take the first free name
            beside it: `folder-2`, `folder-3`, ... For a notebook that runs more than once.

    Raises:
        ConfigError: A setting is wrong; nothing is written.
        SitoolError: The task, the base or the folder is not usable; nothing is written.
    """
    path = None if file is None else Path(file)
    place = free_name(Path(folder)) if numbered else Path(folder)
    return Study(found(place, preset, settings, path, assignments, task))


def open_study(folder: str | Path) -> "Study":
    """Open the study in a folder.

    Raises:
        StoreError: There is none, or it is of a newer format.
    """
    return Study(Store(Path(folder)))


class Study(StudyView):
    """One study: step it, look at it, overrule it, go back."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._commands = Commands(store)

    @property
    def curriculum(self) -> Curriculum:
        """What the next round draws, and the controls for it."""
        return Curriculum(self, self.configure)

    def step(
        self,
        to: Phase | str | None = None,
        *,
        inline: bool | None = None,
        progress: bool | None = None,
    ) -> RoundView:
        """Run the next round, or go on with the open one, and return it.

        The first step of a study measures the base before. Interrupting it (Ctrl-C, or a
        notebook's ■) only ends the wait, as leaving the app does: the engine goes on,
        `wait` watches it again, and `stop` stops it.

        Args:
            to: Stop after this phase, such as `select` to review the samples
                before training on them. None: to the end of the round.
            inline: Run it in this process; None as SITOOL_ENGINE says. An interrupt then
                ends the round too; what is committed is kept.
            progress: Show how it goes; None does so in a notebook's cell and on a terminal.

        Raises:
            SitoolError: The round cannot go on; what is done is kept.

        >>> study.step()
        <r0003: finished>
        """
        self._watch(self.stream_rounds(1, to, inline=inline), progress, inline)
        return self._newest()

    def run(
        self, rounds: int, *, inline: bool | None = None, progress: bool | None = None
    ) -> RoundView:
        """Run this many rounds and return the last; 0 only measures the base.

        Args:
            inline: As in `step`.
            progress: As in `step`.
        """
        self._watch(self.stream_rounds(rounds, inline=inline), progress, inline)
        return self._head_view()

    async def step_async(
        self, to: Phase | str | None = None, *, progress: bool | None = None
    ) -> RoundView:
        """Do what `step` does and leave the event loop free; it is always the engine that works.

        Cancelling it only ends the wait: the engine goes on.

        Args:
            to: As in `step`.
            progress: As in `step`.

        Raises:
            SitoolError: The round cannot go on; what is done is kept.
        """
        await self._watch_async(_steps(1, to), progress)
        return self._newest()

    async def run_async(self, rounds: int, *, progress: bool | None = None) -> RoundView:
        """Do what `run` does and leave the event loop free, as `step_async` does."""
        await self._watch_async(_steps(rounds), progress)
        return self._head_view()

    def wait(self, *, progress: bool | None = None) -> RoundView:
        """Wait until nothing is being worked on, whoever asked for it, and return the round.

        Raises:
            EngineDiedError: The engine ended in the middle of its work.
        """
        with watching(self, progress) as follow:
            for at, event in self._commands.rest():
                follow(event, at)
        return self._newest()

    def _watch(self, stream: Generator[Event], progress: bool | None, inline: bool | None) -> None:
        here = runs_inline() if inline is None else inline
        with watching(self, progress, inline=here) as follow, closing(stream):
            for event in stream:
                follow(event)

    async def _watch_async(self, body: Mapping[str, Any], progress: bool | None) -> None:
        with watching(self, progress) as follow:
            async with aclosing(self._commands.stream_async("step", body)) as stream:
                async for event in stream:
                    follow(event)

    def _newest(self) -> RoundView:
        open_round = self._store.tree.open_round()
        return self._head_view() if open_round is None else RoundView(self._store, open_round)

    def stream_rounds(
        self, rounds: int = 1, to: Phase | str | None = None, *, inline: bool | None = None
    ) -> Generator[Event]:
        """Do what `run` and `step` do and yield the events.

        Whoever stops reading them leaves the engine at work; `stop` stops it.

        Raises:
            StudyError: `to` is no phase.
            SitoolError: A round cannot go on; what is done is kept.
        """
        yield from self._commands.stream("step", _steps(rounds, to), inline=inline)

    def ask(self, kind: str, body: Mapping[str, Any]) -> int:
        """Leave a command for the engine, started if need be, and return its id.

        Raises:
            EngineDiedError: No engine can be started.
        """
        return self._commands.ask(kind, body)

    def stop(self) -> None:
        """Stop the round that runs, here or in another process; what is done is kept."""
        self._commands.stop()

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

    def panel(self) -> "Panel":
        """Return the study's interactive panel, for a notebook to show."""
        from sitool.widgets.panel import panel_of  # Late: only a notebook has widgets.

        return panel_of(self)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        from sitool.study.card import card_bundle

        return card_bundle(self.summary())

    def trust(self) -> list[Code]:
        """Agree that the code of this study, its task's and its bases', runs on this machine.

        Look at the files of `code` first: they can do all that you can. A study that was
        made here needs no agreement.

        Returns:
            What may run now, as `code` lists it.

        Raises:
            TaskError: The study has no code of its own, or it was changed after its first round.
            ModelError: A base is not on this machine yet, or its code cannot be looked at.
        """
        begun = bool(self._store.tree.rounds())
        settings = own.agree_to(self.folder, self._settings_ahead(), begun=begun)
        if settings != self.settings:
            self._store.tree.set_next_settings(settings)
        self._task = None
        return self.code

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


def _steps(rounds: int, to: Phase | str | None = None) -> Mapping[str, Any]:
    """Return what the command `step` says, for rounds up to a phase."""
    if to is not None and to not in tuple(Phase):
        raise StudyError(f"No phase is named {to!r}; known: {', '.join(Phase)}.")
    return {"rounds": rounds, "to": None if to is None else str(to)}
