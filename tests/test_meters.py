"""A step shows how it goes where a person waits for it, and an interrupt loses nothing."""

import asyncio
import contextlib
import io
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from studies import contents, create, differing, made_in

import sitool
from sitool.client import Study
from sitool.errors import StudyError
from sitool.records import Phase
from sitool.study.meters import Meter, TerminalMeter, meter_for

LONG = ("draw.problems=2000", "draw.samples=8")
HERE = Path(__file__).parent


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds run in the engine's process."""
    monkeypatch.setenv("SITOOL_ENGINE", "process")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def make(tmp_path: Path, apart: None) -> Iterator[Callable[..., Study]]:
    """Return a function that makes studies, whose engines are ended afterwards."""
    with made_in(tmp_path) as make_study:
        yield make_study


# Where it is shown, and where it is not.


def test_nothing_is_shown_where_nobody_looks(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    study.step()
    study.step(progress=False)
    assert capsys.readouterr() == ("", "")


def test_it_is_shown_when_it_is_asked_for(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    round_ = study.step(progress=True)
    out = capsys.readouterr().out
    summary = round_.summary()
    assert f"✓ r0003  accepted {summary.accepted} of {summary.sampled}  accuracy" in out
    study.step(to="select", progress=True)
    assert "r0004 waits before train." in capsys.readouterr().out


def test_a_thread_of_an_app_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    found: list[Meter] = []
    thread = threading.Thread(target=lambda: found.append(meter_for(None)))
    thread.start()
    thread.join()
    here = meter_for(None)
    here.close()
    assert type(found[0]) is Meter
    assert type(here) is TerminalMeter
    assert type(meter_for(False)) is Meter


def test_a_terminal_shows_a_bar_and_keeps_a_line(two_rounds: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="no terminals of our own on this system")
    study = create(tmp_path / "study")
    study.close()
    code = f"import sitool\nsitool.open({str(study.folder)!r}).step()"
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    shown = io.BytesIO()
    # Linux says EIO when the other side is gone.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 4096):
            shown.write(part)
    os.close(ours)
    assert child.wait() == 0
    text = shown.getvalue().decode()
    assert "━" in text
    assert "✓ r0000  accuracy" in text
    assert "✓ r0001  accepted" in text


# An event loop.


async def test_a_loop_goes_on_while_a_round_runs(make: Callable[..., Study]) -> None:
    study, other = make(), make()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.005)

    ticking = asyncio.create_task(tick())
    first = await study.step_async()
    between = ticks
    last = await study.run_async(2)
    ticking.cancel()
    assert (first.number, last.number) == (1, 3)
    assert 10 < between < ticks
    other.run(3)
    assert differing(contents(study.folder), contents(other.folder)) == []


async def test_what_goes_wrong_is_raised_in_the_loop(make: Callable[..., Study]) -> None:
    study = make()
    with pytest.raises(StudyError, match="No phase is named 'trian'"):
        await study.step_async("trian")
    await study.run_async(0)
    assert (await study.step_async("select")).record.phase is Phase.TRAIN


async def test_cancelling_leaves_the_engine_at_work(make: Callable[..., Study]) -> None:
    study = make(*LONG)
    study.run(0)
    task = asyncio.create_task(study.step_async())
    while not study.round(len(study.rounds()) - 1).samples():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert study.busy
    assert study.wait().number == 1
    assert study.round(1).record.finished


# Waiting.


def test_waiting_where_nothing_runs_returns_at_once(study: Study) -> None:
    assert study.wait().number == 2
    study.step(to="draw")
    assert study.wait().number == 3


def test_whoever_comes_in_sees_the_running_round_from_its_start(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    for number in (0, 1):
        study.run(number)
        first = study.events(after=study.last_round_start())[0][2]
        assert (first.kind, first.round) == ("RoundStarted", number)


def test_waiting_sees_a_round_that_somebody_else_asked_for(
    make: Callable[..., Study], capsys: pytest.CaptureFixture[str]
) -> None:
    study = make(*LONG)
    other = sitool.open(study.folder)
    other.ask("step", {"rounds": 1, "to": None})
    assert study.wait(progress=True).number == 1
    out = capsys.readouterr().out
    assert "✓ r0000" in out
    assert "✓ r0001" in out
    assert not study.busy
    other.close()


def test_an_interrupt_ends_the_wait_and_the_engine_goes_on(make: Callable[..., Study]) -> None:
    study = make("draw.problems=8000", "draw.samples=8")
    study.run(0)
    # What is started in a shell's background ignores interrupts, and so would its children.
    code = (
        "import signal, sys, sitool\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "study = sitool.open(sys.argv[1])\n"
        "try:\n    study.step()\n"
        "except KeyboardInterrupt as said:\n    print(said, study.busy)"
    )
    waiting = subprocess.Popen(
        [sys.executable, "-c", code, str(study.folder)], stdout=subprocess.PIPE, text=True
    )
    _until(lambda: len(study.rounds()) > 1)
    waiting.send_signal(2)
    out, _ = waiting.communicate(timeout=60)
    assert out.startswith("No longer watched; the engine goes on.")
    assert out.strip().endswith("True")
    assert study.wait().number == 1


def test_an_interrupt_of_an_inline_round_keeps_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = create(tmp_path / "study")
    study.run(0)
    steps: list[Any] = []

    def interrupted(self: Meter, progress: Any) -> None:
        steps.append(progress.phase)
        if progress.phase is Phase.VERIFY:
            raise KeyboardInterrupt

    monkeypatch.setattr(Meter, "show", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"study.step\(\) goes on from there"):
        study.step()
    monkeypatch.undo()
    # The lock is free again, although the traceback still holds the frames.
    assert study.engine_pid is None
    assert study.round(1).record.phase is Phase.VERIFY
    assert study.step(inline=True).number == 1
    whole = create(tmp_path / "whole")
    whole.run(1)
    assert differing(contents(study.folder), contents(whole.folder)) == []


def _until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


# A notebook's kernel.


class Kernel:
    """A kernel of our own, and what its cells send."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager, self.client = manager, client

    def run(
        self, code: str, *, interrupt_at: str = ""
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Run a cell; returns its messages and the reply.

        Args:
            interrupt_at: Interrupt as soon as a message holds this text.
        """
        asked = self.client.execute(code)
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != asked:
                continue
            messages.append(message)
            if interrupt_at and interrupt_at in str(message["content"]):
                self.manager.interrupt_kernel()
                interrupt_at = ""
            if message["content"].get("execution_state") == "idle":
                return messages, self._reply(asked)

    def _reply(self, asked: str) -> dict[str, Any]:
        while True:
            message = self.client.get_shell_msg(timeout=60)
            if message["parent_header"].get("msg_id") == asked:
                return dict(message["content"])


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    manager_of = pytest.importorskip("jupyter_client.manager", reason="no jupyter_client here")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    env = {**os.environ, "SITOOL_ENGINE": "process", "OMP_NUM_THREADS": "1"}
    manager, client = manager_of.start_new_kernel(env=env, kernel_name="python3")
    started = Kernel(manager, client)
    started.run("import sys, sitool")
    yield started
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    with contextlib.suppress(queue.Empty):
        manager.cleanup_resources()


def shown(messages: list[dict[str, Any]]) -> list[tuple[str, dict[str, str]]]:
    """Return what was displayed, in order: how, and the mime bundle."""
    kinds = ("display_data", "update_display_data")
    return [(m["msg_type"], m["content"]["data"]) for m in messages if m["msg_type"] in kinds]


def test_a_notebook_shows_a_bar_and_keeps_plain_lines(
    make: Callable[..., Study], kernel: Kernel
) -> None:
    study = make()
    messages, reply = kernel.run(f"study = sitool.open({str(study.folder)!r}); study.step()")
    assert reply["status"] == "ok", reply
    first, *_, last = shown(messages)
    assert first[0] == "display_data"
    assert "application/vnd.jupyter.widget-view+json" in first[1]
    assert last[0] == "update_display_data"
    assert list(last[1]) == ["text/plain"]
    lines = last[1]["text/plain"].splitlines()
    assert [line[:7] for line in lines] == ["✓ r0000", "✓ r0001"]
    closed = [m for m in messages if m["msg_type"] == "comm_close"]
    opened = [m for m in messages if m["msg_type"] == "comm_open"]
    assert len(closed) >= 3
    assert len(opened) == len({m["content"]["comm_id"] for m in closed})
    result = next(m for m in messages if m["msg_type"] == "execute_result")["content"]["data"]
    assert result["text/plain"] == "<r0001: finished>"
    assert result["text/html"] == study.round(1)._repr_html_()


def test_an_interrupted_cell_says_that_the_engine_goes_on(
    make: Callable[..., Study], kernel: Kernel
) -> None:
    study = make(*LONG)
    study.run(0)
    messages, reply = kernel.run(
        f"study = sitool.open({str(study.folder)!r}); study.step()", interrupt_at="train samples"
    )
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    assert "the engine goes on" in reply["evalue"]
    assert "study.wait()" in shown(messages)[-1][1]["text/plain"]
    pid = study.engine_pid
    messages, reply = kernel.run("study.wait()")
    assert reply["status"] == "ok", reply
    assert "✓ r0001  accepted" in shown(messages)[-1][1]["text/plain"]
    assert study.engine_pid == pid
    assert [r.number for r in study.rounds()] == [0, 1]


def test_an_awaited_step_shows_the_same_and_can_be_interrupted(
    make: Callable[..., Study], kernel: Kernel
) -> None:
    study = make(*LONG)
    study.run(0)
    messages, reply = kernel.run(
        f"study = sitool.open({str(study.folder)!r})\nawait study.step_async()",
        interrupt_at="train samples",
    )
    assert reply["status"] == "error"
    assert "the engine goes on" in shown(messages)[-1][1]["text/plain"]
    messages, reply = kernel.run("study.wait()\nawait study.step_async()")
    assert reply["status"] == "ok", reply
    assert "✓ r0002  accepted" in shown(messages)[-1][1]["text/plain"]


def test_without_widgets_a_line_changes_in_its_place(
    make: Callable[..., Study], kernel: Kernel
) -> None:
    study = make(*LONG)
    study.run(0)
    messages, reply = kernel.run(
        "kept = sys.modules['ipywidgets']; sys.modules['ipywidgets'] = None\n"
        f"try:\n    sitool.open({str(study.folder)!r}).step()\n"
        "finally:\n    sys.modules['ipywidgets'] = kept"
    )
    assert reply["status"] == "ok", reply
    kinds, bundles = zip(*shown(messages), strict=True)
    assert kinds == ("display_data", *["update_display_data"] * (len(kinds) - 1))
    assert all(list(bundle) == ["text/plain"] for bundle in bundles)
    texts = [bundle["text/plain"] for bundle in bundles]
    assert any("▸ sample" in text and "r0001  sampling  " in text for text in texts)
    assert texts[-1].startswith("✓ r0001  accepted")
    assert "\n" not in texts[-1]
