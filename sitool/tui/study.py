"""The study screen, the home of the work: look, step, overrule, make harder, go back, fork.

It holds the desk, hands every `Look` to its panels, and turns what a person
does into wishes to the desk. What this leaves out: what each panel draws.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer

from sitool import client, events
from sitool.client import Study
from sitool.events import Event
from sitool.plots import KINDS
from sitool.progress import Progress
from sitool.records import Action, Phase
from sitool.tui.charts import ChartPanel
from sitool.tui.compare import CompareScreen
from sitool.tui.curriculum import CurriculumPanel
from sitool.tui.desk import Desk, Done, Failed, Happened, Look, Looked
from sitool.tui.dialogs import Choose
from sitool.tui.export import ExportScreen
from sitool.tui.help import show_help
from sitool.tui.inspector import InspectorScreen
from sitool.tui.rounds import RoundTree
from sitool.tui.rulings import Ruled, carry_out
from sitool.tui.samples import SamplesPanel
from sitool.tui.settings import SettingsScreen
from sitool.tui.siblings import SiblingsScreen
from sitool.tui.status import HeaderLine, PhaseBar, SignalPanel
from sitool.tui.tabs import PanelTabs

MANY_ROUNDS = 5
WARM_UP_SECONDS = 0.5
FORKS = (
    ("", "with the settings that it ran with"),
    ("curriculum.rule=adaptive", "with the adaptive curriculum"),
    ("curriculum.rule=fixed", "with a uniform mixture of all levels"),
    ("curriculum.rule=staged", "with stages from easy to hard"),
    ("curriculum.rule=gaussian", "with a Gaussian that moves from easy to hard"),
    ("trainer.start_from=base", "training from the base every round"),
)
NARROW_PANELS = ("samples", "charts", "curriculum", "rounds", "signal")


WITHOUT_LOOK = ("leave", "help", "next_panel")
"""Actions that need not know the study."""

PANELS: tuple[type[Any], ...] = (
    HeaderLine,
    PhaseBar,
    RoundTree,
    ChartPanel,
    SignalPanel,
    CurriculumPanel,
    SamplesPanel,
)


class StudyScreen(Screen[None]):
    """One study, the home of the work.

    Raises:
        StoreError: There is no study in the folder, or it cannot be read.
    """

    BINDINGS: ClassVar = [
        Binding("s", "step", "Step"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("S", "step_many", "5 rounds", show=False),
        Binding("full_stop", "phase", "Phase", key_display=".", show=False),
        Binding("p", "stop", "Stop"),
        Binding("r", "review", "Review"),
        Binding("left_square_bracket", "easier", "Easier", key_display="["),
        Binding("right_square_bracket", "harder", "Harder", key_display="]"),
        Binding("u", "undo", "Undo"),
        Binding("f", "fork", "Fork"),
        Binding("c", "compare", "Compare"),
        Binding("o", "settings", "Settings", show=False),
        Binding("e", "export", "Export", show=False),
        Binding("m", "curriculum", "Mixture", show=False),
        *(Binding(str(i), f"chart({i})", f"Chart {i}", show=False) for i in range(1, 6)),
        Binding("slash", "filter", "Filter samples", show=False, key_display="/"),
        Binding("tab", "next_panel(1)", "Next panel", show=False),
        Binding("shift+tab", "next_panel(-1)", "Previous panel", show=False),
        Binding("q", "leave", "Back", show=False),
    ]
    DEFAULT_CSS = """
    StudyScreen { layout: vertical; }
    StudyScreen .panel { border-title-color: $foreground; }
    StudyScreen #top { height: 15; }
    StudyScreen SamplesPanel { height: 1fr; }
    StudyScreen ChartPanel { width: 1fr; }
    StudyScreen PanelTabs { display: none; }
    StudyScreen.-narrow PanelTabs, StudyScreen.-low PanelTabs { display: block; }
    StudyScreen.-narrow .panel, StudyScreen.-low .panel { display: none; }
    StudyScreen.-narrow .panel.-shown, StudyScreen.-low .panel.-shown {
        display: block; height: 1fr; width: 1fr;
    }
    StudyScreen.-narrow #top, StudyScreen.-low #top { display: none; }
    StudyScreen.-narrow #top.-shown, StudyScreen.-low #top.-shown {
        display: block; height: 1fr;
    }
    """

    def __init__(self, folder: Path, *, warm: bool = True) -> None:
        super().__init__()
        self._folder = folder
        client.open_study(folder).close()  # Fails at once if there is no study.
        self._desk = Desk(folder, self.post_message)
        self._warm = warm
        self._look: Look | None = None
        self._shown: int | None = None
        self._following = True
        self._reviewing = False
        self._progress = Progress(self._seconds_by_phase)
        self._losses: dict[int, float] = {}

    def compose(self) -> ComposeResult:
        """Lay out the panels; on a small terminal the tabs choose one of them."""
        yield HeaderLine()
        yield PhaseBar()
        yield PanelTabs(NARROW_PANELS)
        with Horizontal(id="top"):
            yield self._panel(RoundTree())
            yield self._panel(ChartPanel())
            yield self._panel(SignalPanel())
        yield self._panel(CurriculumPanel())
        yield self._panel(SamplesPanel(self._folder))
        yield Footer(show_command_palette=False, compact=True)

    def _panel(self, widget: Any) -> Any:
        widget.add_class("panel")
        return widget

    def on_mount(self) -> None:
        """Begin to watch, and let the engine load its model meanwhile."""
        self._show_panel(NARROW_PANELS[0])
        self._desk.start()
        self.query_one(SamplesPanel).focus_table()
        if self._warm:
            # Not at once: two processes that import at a time make the first frame late.
            self.set_timer(WARM_UP_SECONDS, self._warm_up)

    @property
    def settling(self) -> bool:
        """Whether the study's numbers, or the samples asked for, are still to come."""
        return self._look is None or any(p.settling for p in self.query(SamplesPanel))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what needs the study as long as nothing of it was read."""
        return True if self._look is not None or action in WITHOUT_LOOK else None

    def _warm_up(self) -> None:
        self._desk.ask(lambda study: study.warm_up())

    def on_unmount(self) -> None:
        """Let the desk go; the engine works on."""
        self._desk.close()

    def _seconds_by_phase(self, number: int) -> dict[str, float]:
        if self._look is None:
            return {}
        rounds = {r.round.id: r for r in self._look.summary.rounds}
        return dict(rounds[number].seconds_by_phase) if number in rounds else {}

    # What the desk says.

    def on_looked(self, message: Looked) -> None:
        """Draw the study as it is now; new rounds are followed until a person looks elsewhere."""
        first_look = self._look is None
        self._look = look = message.look
        numbers = [r.round.id for r in look.summary.rounds]
        if first_look and look.review is not None:
            self._reviewing = self.query_one(HeaderLine).reviewing = True
        if self._following or self._shown not in numbers:
            newest = look.summary.open if look.summary.open is not None else look.summary.head
            self._shown = newest
        self._draw()
        if first_look:
            self.refresh_bindings()

    def on_happened(self, message: Happened) -> None:
        """Follow the running round."""
        for at, event in message.happened:
            self._progress.follow(event, at)
            self._say_event(event, replayed=message.replayed)
        self.query_one(PhaseBar).follow(self._progress)
        self._follow_losses([event for _, event in message.happened])

    def _follow_losses(self, happened: Sequence[Event]) -> None:
        for event in happened:
            if isinstance(event, events.PhaseStarted) and event.phase is Phase.TRAIN:
                self._losses.clear()
            if isinstance(event, events.StepTrained):
                self._losses[event.step] = event.loss
        if self._losses:
            self.query_one(ChartPanel).losses(list(self._losses), list(self._losses.values()))

    def _say_event(self, event: Event, *, replayed: bool) -> None:
        if replayed:
            return
        if isinstance(event, events.Warned):
            self.notify(event.message, severity="warning")
        if isinstance(event, events.CommandFailed):
            self.notify(f"{event.message}\n{event.hint}".strip(), severity="error", timeout=10)
        if isinstance(event, events.RoundFinished):
            self._tell_result(event)
        if isinstance(event, events.RoundPaused) and event.before is Phase.TRAIN:
            self._tell("Overrule what you like; s trains on exactly that.")

    def _tell_result(self, event: events.RoundFinished) -> None:
        """Say what a round has brought, beside what it started from."""
        if self._look is None:
            return
        # Our look may be from before the round began: then it started from the head.
        rounds, head = self._look.summary.rounds, self._look.summary.head
        parents = {r.round.id: r.round.parent for r in rounds}
        before = [r.overall for r in rounds if r.round.id == parents.get(event.round, head)]
        was = f"{before[0].value:.2f} → " if before and before[0] is not None else ""
        self._tell(f"r{event.round:04d} is done: accuracy {was}{event.accuracy:.2f}.")

    def on_failed(self, message: Failed) -> None:
        """Say what could not be done."""
        words = f"{message.error.message}\n{message.error.hint}".strip()
        self.notify(words, severity="error", timeout=10)

    def on_done(self, message: Done) -> None:
        """Hand the result of a wish to whoever made it."""
        message.then(message.result)

    def _tell(self, words: str, *, urgent: bool = False) -> None:
        """Say something in place of what was said before, so that nothing piles up."""
        self.app.clear_notifications()
        self.notify(words, severity="warning" if urgent else "information", timeout=4)

    def _draw(self) -> None:
        if self._look is None:
            return
        for kind in PANELS:
            self.query_one(kind).look(self._look, self._shown)

    # What a person does.

    def _ask(self, work: Callable[[Study], Any], then: Callable[[Any], None] | None = None) -> None:
        self._desk.ask(work, then)

    def action_step(self) -> None:
        """Run a round, or go on with the open one; in review up to the selection."""
        waits = self._waits_for_training()
        self._run(1, Phase.SELECT if self._reviewing and not waits else None)

    def action_step_many(self) -> None:
        """Run several rounds."""
        self._run(MANY_ROUNDS, None)

    def action_phase(self) -> None:
        """Run one phase."""
        open_round = self._open_round()
        self._run(1, open_round.phase if open_round is not None else Phase.DRAW)

    def _run(self, rounds: int, to: Phase | None) -> None:
        if self._busy():
            return
        self._following = True
        body = {"rounds": rounds, "to": None if to is None else to.value}
        self._ask(lambda study: study.ask("step", body))

    def _busy(self) -> bool:
        """Say so if a round is under way, under which the head cannot move."""
        working = self._look is not None and self._look.working
        if working:
            self._tell("A round is under way: p stops it and keeps what is done.", urgent=True)
        return working

    def _open_round(self) -> Any:
        look = self._look
        if look is None or look.summary.open is None:
            return None
        return look.summary.round(look.summary.open).round

    def _waits_for_training(self) -> bool:
        open_round = self._open_round()
        return open_round is not None and open_round.phase in (Phase.SELECT, Phase.TRAIN)

    def action_stop(self) -> None:
        """Stop the running round."""
        if self._look is not None and self._look.working:
            self._ask(Study.stop)
        else:
            self._tell("Nothing is running; s steps.")

    def action_review(self) -> None:
        """Pause every round before training, or no longer."""
        self._reviewing = not self._reviewing
        words = (
            "Review is on: a step pauses before training, so that you can overrule samples."
            if self._reviewing
            else "Review is off: a step runs to the end of the round."
        )
        self._tell(words)
        self.query_one(HeaderLine).reviewing = self._reviewing
        self._draw()

    def action_easier(self) -> None:
        """Move the next round's mixture a level easier."""
        self._ask(
            lambda study: _moved(study, study.curriculum.easier), partial(self._say, "easier")
        )

    def action_harder(self) -> None:
        """Move the next round's mixture a level harder."""
        self._ask(
            lambda study: _moved(study, study.curriculum.harder), partial(self._say, "harder")
        )

    def _say(self, word: str, weights: Mapping[int, float] | None) -> None:
        if weights is None:
            self._tell(f"It cannot get any {word}: nothing is changed.", urgent=True)
            return
        most = max(weights, key=lambda level: weights[level])
        self._tell(f"One notch {word}: most of the next round comes from level {most}.")

    def on_curriculum_panel_changed(self, message: CurriculumPanel.Changed) -> None:
        """Change the next round's curriculum."""
        self._ask(lambda study: study.curriculum.set(**message.changes))

    def action_undo(self) -> None:
        """Step back to the round before."""
        if self._busy():
            return
        self._following = True
        self._ask(Study.undo, lambda r: self._tell(f"Back at r{r.number:04d}; nothing is lost."))

    def action_fork(self) -> None:
        """Let the next round start from the shown one, perhaps with another curriculum."""
        number = self._shown
        if self._busy():
            return
        if number is None:
            self._tell("There is no round to fork from yet: press s first.")
            return
        question = (
            f"Let the next round start from r{number:04d}. It takes that round's settings;"
            " changes that wait for the next round are left behind."
        )
        self.app.push_screen(Choose(question, FORKS), partial(self._fork, number))

    def _fork(self, number: int, assignment: str | None) -> None:
        if assignment is None:
            return
        changes = [assignment] if assignment else []
        self._following = True
        self._ask(
            lambda study: study.fork(number, *changes),
            lambda r: self._tell(f"The head is r{r.number:04d}; s steps from there."),
        )

    def action_compare(self) -> None:
        """Compare the base, or the head, with the shown round."""
        look = self._look
        if look is None or look.summary.head is None or look.summary.head == 0:
            self._tell("Two finished rounds are needed to compare: press s first.")
            return
        shown = self._shown if self._shown is not None else look.summary.head
        if not look.summary.round(shown).round.finished:
            shown = look.summary.head
        first = 0 if shown == look.summary.head else shown
        self.app.push_screen(CompareScreen(first, look.summary.head, self._desk))

    def action_settings(self) -> None:
        """Look at the settings, and change them for the next round."""
        if self._look is not None:
            self.app.push_screen(SettingsScreen(self._look, self._desk.ask))

    def action_export(self) -> None:
        """Write the chart, the samples or a screenshot to a file."""
        if self._look is not None:
            chart, samples = self.query_one(ChartPanel), self.query_one(SamplesPanel)
            self.app.push_screen(
                ExportScreen(self._folder, self._shown, chart.plot, samples.where, self._desk)
            )

    def action_curriculum(self) -> None:
        """Go to the curriculum panel."""
        self._show_panel("curriculum")
        self.query_one(CurriculumPanel).focus()

    def action_chart(self, number: int) -> None:
        """Show another chart."""
        self._show_panel("charts")
        self.query_one(ChartPanel).kind = list(KINDS)[number - 1]

    def action_help(self) -> None:
        """Explain this screen."""
        show_help(self)

    def action_filter(self) -> None:
        """Filter the samples."""
        self._show_panel("samples")
        samples = self.query_one(SamplesPanel)
        samples.focus_table()
        samples.action_filter()

    def action_next_panel(self, places: int) -> None:
        """Go to the next panel; on a small terminal it takes the place of this one."""
        tabs = self.query_one(PanelTabs)
        if tabs.display:
            self._go_to(tabs.next_name(places))
        elif places > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def _go_to(self, name: str) -> None:
        self._show_panel(name)
        panel = self.query_one(f"#{name}")
        inside = [w for w in (panel, *panel.query("*")) if w.focusable]
        self.set_focus(inside[0] if inside else None)

    def action_leave(self) -> None:
        """Go back to the studies; the engine works on."""
        self.dismiss()

    # What panels say.

    def on_round_tree_shown(self, message: RoundTree.Shown) -> None:
        """Look at another round."""
        self._shown = message.number
        look = self._look
        self._following = look is not None and message.number == (
            look.summary.open if look.summary.open is not None else look.summary.head
        )
        self._draw()

    def on_samples_panel_opened(self, message: SamplesPanel.Opened) -> None:
        """Inspect a sample."""
        samples = self.query_one(SamplesPanel)
        self.app.push_screen(
            InspectorScreen(self._folder, message.sample_id, self._desk, samples.neighbour)
        )

    def on_samples_panel_siblings_wanted(self, message: SamplesPanel.SiblingsWanted) -> None:
        """Show all samples of one problem."""
        self.app.push_screen(
            SiblingsScreen(self._folder, message.problem_id, message.round, self._desk)
        )

    def on_ruled(self, message: Ruled) -> None:
        """Record a ruling."""
        self._ask(lambda study: carry_out(study, message), lambda _: self._say_late(message))

    def _say_late(self, ruled: Ruled) -> None:
        """Say what a ruling on a round that has trained already can still do."""
        look, shown = self._look, self._shown
        if look is None or shown is None or not look.summary.round(shown).round.finished:
            return
        if ruled.action in (Action.ACCEPT, Action.EDIT):
            self._tell(f"Written down; it joins the next round that starts from r{shown:04d}.")
        elif ruled.action is Action.REJECT:
            self._tell(
                f"Written down beside the score. r{shown:04d} has trained already, so what it"
                " learnt stays; r pauses rounds before they train."
            )

    def on_panel_tabs_chosen(self, message: PanelTabs.Chosen) -> None:
        """Show one panel on a small terminal."""
        self._go_to(message.name)

    def _show_panel(self, name: str) -> None:
        for panel in self.query(".panel"):
            panel.set_class(panel.id == name, "-shown")
        inside = name in ("rounds", "charts", "signal")
        self.query_one("#top").set_class(inside, "-shown")
        self.query_one(PanelTabs).choose(name)


def _moved(study: Study, move: Callable[[], Mapping[int, float]]) -> Mapping[int, float] | None:
    """Move the curriculum; None, and as it was, if that would change nothing."""
    before, shift = study.curriculum.weights, study.curriculum.settings.shift
    after = move()
    if after == before:
        study.curriculum.set(shift=shift)
        return None
    return after
