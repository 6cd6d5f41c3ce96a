"""What the parts of one study look at together."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from following import LONGEST_SECONDS, elsewhere, until
from studies import create

import sitool
from sitool.client import Study
from sitool.widgets.code import Code
from sitool.widgets.curriculum import Curriculum
from sitool.widgets.rounds import RoundTree
from sitool.widgets.view import CLOSED, MOST_LINES, View, view_of


def test_what_was_clicked_is_carried_out_and_kept_as_code(view: View) -> None:
    done: list[Any] = []
    view.do("study.undo()", Study.undo, done.append)
    until(lambda: done)
    assert view.lines == ["study.undo()"]
    until(lambda: view.look is not None and view.look.summary.head == 1)


def test_what_cannot_be_done_is_said_with_its_hint_and_leaves_no_line(view: View) -> None:
    view.do("study.fork(7)", lambda study: study.fork(7))
    until(lambda: view.failed)
    with pytest.raises(sitool.SitoolError) as refused:
        view.study.fork(7)
    assert view.said == str(refused.value)
    assert view.lines == []


def test_no_more_lines_are_kept_than_a_person_reads(view: View) -> None:
    for number in range(MOST_LINES + 3):
        view.note(f"study.round({number})")
    assert len(view.lines) == MOST_LINES
    assert view.lines[-1] == f"study.round({MOST_LINES + 2})"


def test_two_views_and_another_process_agree(view: View) -> None:
    other = View(view.study)
    first, second = RoundTree(view), RoundTree(other)
    sliders = Curriculum(other)
    elsewhere(view.folder, "study.curriculum.harder(); study.fork(1)")
    for one in (view, other):
        until(lambda one=one: one.look is not None and one.look.summary.head == 1)
    until(lambda: first.rounds.options == second.rounds.options)
    assert "r0001\N{NO-BREAK SPACE}●" in first.rounds.options[1][0]
    view.do("study.curriculum.set(low=0.3)", lambda study: study.curriculum.set(low=0.3))
    until(lambda: sliders.knobs["band"].value[0] == pytest.approx(0.3))
    other.close()


def test_what_another_process_does_wrong_is_said(view: View) -> None:
    elsewhere(view.folder, "study._store.journal.ask('fork', {'round': 9}, 'someone')")
    elsewhere(view.folder, "study.curriculum.harder()")  # Serves what was left before.
    until(lambda: "9" in view.said)
    assert view.failed


def test_parts_of_one_study_share_a_view_until_the_last_one_is_closed(study: Study) -> None:
    first, second = RoundTree(study), Code(study)
    assert first.view is second.view
    first.close()
    assert not second.view.closed
    second.close()
    assert second.view.closed
    assert view_of(study) is not first.view
    view_of(study).close()


def test_a_closed_view_says_so_and_does_nothing(study: Study) -> None:
    view = View(study)
    view.close()
    view.do("study.undo()", Study.undo)
    assert (view.said, view.failed, view.lines) == (CLOSED, True, [])
    assert study.head is not None
    assert study.head.number == 2


def test_a_study_that_was_made_anew_in_the_same_folder_has_a_view_of_its_own(
    tmp_path: Path,
) -> None:
    study = create(tmp_path / "study")
    view = view_of(study)
    until(lambda: view.look is not None)
    study.close()
    shutil.rmtree(tmp_path / "study")
    until(lambda: "gone" in view.said)
    again = create(tmp_path / "study")
    assert view_of(again) is not view
    view_of(again).close()
    view.close()
    again.close()


def test_a_part_that_cannot_draw_does_not_end_the_view(
    view: View, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(change: Any) -> None:
        raise ZeroDivisionError("a bug")

    view.observe(fail, "look")
    view.do("study.undo()", Study.undo)
    until(lambda: "ZeroDivisionError" in view.said)
    assert "a bug" in caplog.text
    view.unobserve(fail, "look")
    view.do("study.undo()", Study.undo)
    until(lambda: view.look is not None and view.look.summary.head == 0)


def test_a_look_at_an_older_round_stays_while_others_work(view: View) -> None:
    view.show(1)
    elsewhere(view.folder, "study.configure('draw.samples=3')")
    until(lambda: view.look is not None and view.look.summary.settings.draw.samples == 3)
    assert view.shown == 1


def test_a_kernel_that_ends_does_not_wait_for_the_panel(two_rounds: Path, tmp_path: Path) -> None:
    shutil.copytree(two_rounds, tmp_path / "study")
    code = (
        "import sys, sitool\n"
        "panel = sitool.open(sys.argv[1]).panel()\n"
        "assert panel.view.settle(60)\n"
        "print(len(panel.still()))"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "study")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "3"
