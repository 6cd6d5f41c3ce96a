"""The study screen, the home of the work: look, step, overrule, make harder, go back, fork.

It holds the desk, hands every `Look` to its panels, tells what happens, and gives
every key its move. What this leaves out: what each panel draws, and what a person
does to the study (`moves.py`).
"""

from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen

from sitool import client, events
from sitool.events import Event
from sitool.front.moves import result_words
from sitool.front.standing import Standing
from sitool.plots import KINDS
from sitool.progress import Progress
from sitool.records import Phase
from sitool.tui.above import Above
from sitool.tui.charts import ChartPanel
from sitool.tui.curriculum import CurriculumPanel
from sitool.tui.desk import Desk, Done, Failed, Happened, Looked
from sitool.tui.footer import KeyFooter
from sitool.tui.help import show_help
from sitool.tui.moves import Moves
from sitool.tui.rounds import RoundTree
from sitool.tui.rulings import Ruled
from sitool.tui.samples import SamplesPanel
from sitool.tui.status import HeaderLine, PhaseBar, SignalPanel
from sitool.tui.tabs import PanelTabs

WARM_UP_SECONDS = 0.5
DIFFICULTY = Binding.Group("Difficulty", compact=True)
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
        Binding("g", "gap", "Gap"),
        Binding("h", "sharpening", "Sharpen"),
        Binding("u", "undo", "Undo"),
        # 80 columns hold the keys up to here; ? names them all.
        Binding("r", "review", "Review"),
        Binding("left_square_bracket", "easier", "Easier", key_display="[", group=DIFFICULTY),
        Binding("right_square_bracket", "harder", "Harder", key_display="]", group=DIFFICULTY),
        Binding("f", "fork", "Fork"),
        Binding("c", "compare", "Compare"),
        Binding("T", "theory", "Theory", show=False),
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
        self._standing = Standing()
        self._moves = Moves(self, self._desk, self._standing)
        self._above = Above(self, folder, self._desk, self._standing)
        self._progress = Progress(self._seconds_by_phase)

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
        yield KeyFooter(show_command_palette=False, compact=True)

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
        return self._standing.look is None or any(p.settling for p in self.query(SamplesPanel))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what needs the study as long as nothing of it was read."""
        return True if self._standing.look is not None or action in WITHOUT_LOOK else None

    def _warm_up(self) -> None:
        self._desk.ask(lambda study: study.warm_up())

    def on_unmount(self) -> None:
        """Let the desk go; the engine works on."""
        self._desk.close()

    def _seconds_by_phase(self, number: int) -> dict[str, float]:
        if self._standing.look is None:
            return {}
        rounds = {r.round.id: r for r in self._standing.look.summary.rounds}
        return dict(rounds[number].seconds_by_phase) if number in rounds else {}

    # What the desk says.

    def on_looked(self, message: Looked) -> None:
        """Draw the study as it is now."""
        first_look = self._standing.look is None
        self._standing.see(message.look)
        self._draw()
        if first_look:
            self.refresh_bindings()

    def on_happened(self, message: Happened) -> None:
        """Follow the running round."""
        for at, event in message.happened:
            self._progress.follow(event, at)
            self._say_event(event, replayed=message.replayed)
        self.query_one(PhaseBar).follow(self._progress)
        if self._progress.losses:
            losses = self._progress.losses
            self.query_one(ChartPanel).losses(list(losses), list(losses.values()))
        happened = [event for _, event in message.happened]
        if self.app.is_running:
            self._above.follow(happened)

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
            self._moves.tell("Overrule what you like; s trains on exactly that.")

    def _tell_result(self, event: events.RoundFinished) -> None:
        """Say what a round has brought, beside what it started from."""
        if self._standing.look is not None:
            self._moves.tell(result_words(event, self._standing.look.summary))

    def on_failed(self, message: Failed) -> None:
        """Say what could not be done."""
        words = f"{message.error.message}\n{message.error.hint}".strip()
        self.notify(words, severity="error", timeout=10)

    def on_done(self, message: Done) -> None:
        """Hand the result of a wish to whoever made it."""
        # An app that ends takes down the screens above this one first.
        if self.app.is_running:
            message.then(message.result)

    def _draw(self) -> None:
        if self._standing.look is None:
            return
        self.query_one(HeaderLine).reviewing = self._standing.reviewing
        for kind in PANELS:
            self.query_one(kind).look(self._standing.look, self._standing.shown)

    # What a person does.

    def action_step(self) -> None:
        """Run a round, or go on with the open one; in review up to the selection."""
        self._moves.step()

    def action_step_many(self) -> None:
        """Run several rounds."""
        self._moves.step_many()

    def action_phase(self) -> None:
        """Run one phase."""
        self._moves.phase()

    def action_stop(self) -> None:
        """Stop the running round."""
        self._moves.stop()

    def action_review(self) -> None:
        """Pause every round before training, or no longer."""
        self._moves.review()
        self._draw()

    def action_easier(self) -> None:
        """Move the next round's mixture a level easier."""
        self._moves.easier()

    def action_harder(self) -> None:
        """Move the next round's mixture a level harder."""
        self._moves.harder()

    def action_undo(self) -> None:
        """Step back to the round before."""
        self._moves.undo()

    def action_fork(self) -> None:
        """Let the next round start from the shown one, perhaps with another curriculum."""
        self._moves.fork()

    def action_compare(self) -> None:
        """Compare the head with the shown round, with the end of another branch, or the base."""
        look = self._standing.look
        if look is None or look.summary.head is None or look.summary.head == 0:
            self._moves.tell("Two finished rounds are needed to compare: press s first.")
            return
        self._above.compare(look, look.summary.head)

    def action_gap(self) -> None:
        """Look at the generation-verification gap of the shown round."""
        self._above.gap()

    def action_sharpening(self) -> None:
        """Look at what choosing by its own likelihood would bring the shown round."""
        self._above.sharpening()

    def action_theory(self) -> None:
        """Lay the theory over the branch of the shown round."""
        self._above.theory()

    def action_settings(self) -> None:
        """Look at the settings, and change them for the next round."""
        if self._standing.look is not None:
            self._above.settings(self._standing.look)

    def action_export(self) -> None:
        """Write the chart, the samples or a screenshot to a file."""
        if self._standing.look is not None:
            plot = self.query_one(ChartPanel).plot
            self._above.export(plot, self.query_one(SamplesPanel).where)

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
        self._standing.show(message.number)
        self._draw()

    def on_samples_panel_opened(self, message: SamplesPanel.Opened) -> None:
        """Inspect a sample."""
        self._above.inspector(message.sample_id, self.query_one(SamplesPanel))

    def on_samples_panel_siblings_wanted(self, message: SamplesPanel.SiblingsWanted) -> None:
        """Show all samples of one problem."""
        self._above.siblings(message.problem_id, message.round)

    def on_ruled(self, message: Ruled) -> None:
        """Record a ruling."""
        self._moves.rule(message.ruling)

    def on_curriculum_panel_changed(self, message: CurriculumPanel.Changed) -> None:
        """Change the next round's curriculum."""
        self._moves.change_curriculum(message.changes)

    def on_panel_tabs_chosen(self, message: PanelTabs.Chosen) -> None:
        """Show one panel on a small terminal."""
        self._go_to(message.name)

    def _show_panel(self, name: str) -> None:
        for panel in self.query(".panel"):
            panel.set_class(panel.id == name, "-shown")
        inside = name in ("rounds", "charts", "signal")
        self.query_one("#top").set_class(inside, "-shown")
        self.query_one(PanelTabs).choose(name)
