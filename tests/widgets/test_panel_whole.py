"""The whole panel: its tabs, its card, and a notebook that is run without a browser."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from following import LONGEST_SECONDS, until
from studies import create

from sitool.client import Study
from sitool.widgets.panel import TABS, Panel, panel_of
from sitool.widgets.view import View

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def panel(judged: View) -> Panel:
    return Panel(judged)


def test_a_cell_that_is_run_again_shows_the_same_panel(study: Study) -> None:
    panel = study.panel()
    assert panel_of(study) is panel
    panel.close()
    again = study.panel()
    assert again is not panel
    again.close()
    assert again.view.closed


def test_the_tabs_stand_in_their_order_and_find_out_nothing_before_they_are_chosen(
    panel: Panel,
) -> None:
    assert panel.tabs.titles == tuple(TABS) == (
        "Charts", "Samples", "Curriculum", "Gap", "Sharpening", "Theory", "Code",
    )  # fmt: skip
    gap = panel.parts["Gap"]
    assert gap.answer is None
    panel.tabs.selected_index = list(TABS).index("Gap")
    until(lambda: gap.answer is not None)
    theory = panel.parts["Theory"]
    assert theory.scene is None
    panel.tabs.selected_index = list(TABS).index("Theory")
    until(lambda: theory.scene is not None)


def test_a_tab_that_is_left_asks_no_more_until_it_is_seen_again(panel: Panel) -> None:
    gap, names = panel.parts["Gap"], list(TABS)
    panel.tabs.selected_index = names.index("Gap")
    until(lambda: gap.answer is not None and gap.answer.report.rounds[-1].round == 2)
    panel.tabs.selected_index = names.index("Code")
    panel.rounds.rounds.value = 1
    panel.view.do("", lambda study: study.configure("draw.samples=3"))
    until(lambda: not panel.view.waiting)
    assert gap.answer.report.rounds[-1].round == 2
    panel.tabs.selected_index = names.index("Gap")
    until(lambda: gap.answer.report.rounds[-1].round == 1)


def test_without_the_notebook_s_packages_one_is_told_which_extra_to_install(
    two_rounds: Path,
) -> None:
    code = (
        "import sys, sitool\n"
        "sys.modules['ipywidgets'] = None\n"
        "study = sitool.open(sys.argv[1])\n"
        "print(study._repr_mimebundle_()['text/plain'])\n"
        "try:\n    study.panel()\n"
        "except sitool.SitoolError as error:\n    print(error)"
    )
    command = [sys.executable, "-c", code, str(two_rounds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert "The panel of a notebook needs the package 'ipywidgets'" in done.stdout
    assert "try: pip install 'sitool[notebook]'" in done.stdout
    assert "r0002 ●" in done.stdout


def test_every_part_of_the_panel_looks_at_the_same_round(panel: Panel) -> None:
    panel.rounds.rounds.value = 1
    assert "Signal of r0001" in panel.signal.shares.value
    assert all(part.view is panel.view for part in panel.parts.values())


def test_the_panel_brings_the_study_s_card_for_pages_without_a_kernel(panel: Panel) -> None:
    bundle = panel._repr_mimebundle_()
    assert {WIDGET, "text/html", "text/plain", "image/svg+xml"} == set(bundle)
    assert "r0002 ●" in bundle["text/plain"]


def test_updates_change_values_and_make_no_widget_anew(panel: Panel) -> None:
    def models(part: Any) -> list[str]:
        return [part.model_id, *(m for c in getattr(part, "children", ()) for m in models(c))]

    before = models(panel)
    panel.view.do("", lambda study: study.fork(1))
    until(lambda: panel.view.look is not None and panel.view.look.summary.head == 1)
    panel.view.do("", lambda study: study.curriculum.set(rule="gaussian"))
    until(lambda: "gaussian" in panel.parts["Curriculum"].title.value)
    assert models(panel) == before


NOTEBOOK = (
    "import sitool\nstudy = sitool.open({folder!r})",
    "panel = study.panel()\npanel",
    # The click returns at once, and the next cells run while the engine works.
    "panel.steps._buttons['step'].click()\nhead = study.head.number",
    "study",
    "import time\n"
    "until = time.monotonic() + {seconds}\n"
    "while panel.rounds.rounds.value == head:\n"
    "    assert time.monotonic() < until, panel.view.said\n"
    "    time.sleep(0.05)\n"
    "print(panel.rounds.rounds.value, panel.parts['Code'].text.value)",
    "panel.close()\nassert panel.view.closed\nassert study.end_engine()",
)


def test_a_notebook_with_a_panel_runs_and_keeps_its_pictures(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    study.run(1)
    study.close()
    book = nbformat.v4.new_notebook()
    cells = [cell.replace("{folder!r}", repr(str(study.folder))) for cell in NOTEBOOK]
    book.cells = [
        nbformat.v4.new_code_cell(cell.replace("{seconds}", str(LONGEST_SECONDS))) for cell in cells
    ]
    nbclient.NotebookClient(
        book, timeout=int(LONGEST_SECONDS), kernel_name="python3", store_widget_state=False
    ).execute()
    shown = book.cells[1].outputs[0].data
    assert {WIDGET, "text/html", "image/svg+xml", "text/plain"} == set(shown)
    card = book.cells[3].outputs[0].data
    assert "r0001" in card["text/plain"]
    assert WIDGET not in card
    printed = book.cells[4].outputs[0].text
    assert printed.startswith("2 import sitool")
    assert printed.rstrip().endswith("study.step()")
    assert not [o for cell in book.cells for o in cell.outputs if o.output_type == "error"]
    assert not [o for cell in book.cells for o in cell.outputs if o.get("name") == "stderr"]
