"""A study with code that somebody sent can be looked at in the app, and does not step on a key."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from coded_bases import give_code
from own_tasks import SMALL, SUMS
from waiting import until, until_seen

import sitool
from sitool.process import end_engine
from sitool.tui.app import SitoolApp


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "sums.py").write_text(SUMS)
    study = sitool.create(tmp_path / "sent", task=tmp_path / "sums.py", assignments=SMALL)
    study.step()
    study.close()
    shutil.rmtree(tmp_path / "state")
    monkeypatch.setenv("SITOOL_ENGINE", "process")
    return study.folder


async def test_it_is_shown_and_says_what_to_do_when_it_is_stepped(sent: Path) -> None:
    app = SitoolApp(sent, warm=False)

    def said() -> list[str]:
        return [note.message for note in app._notifications]

    async with app.run_test(size=(120, 40)) as pilot:
        await until_seen(pilot, "Samples of r0001")
        await until(pilot, lambda: any("sitool trust" in words for words in said()))
        before = len(said())
        await pilot.press("s")
        await until(pilot, lambda: len(said()) > before)
        assert all("so it does not run" in words for words in said())
    end_engine(sent)
    study = sitool.open(sent)
    assert [r.number for r in study.rounds()] == [0, 1]
    study.close()


async def test_a_base_s_code_does_not_run_on_a_key_either(
    make_base: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("SITOOL_ENGINE", "process")
    base = give_code(make_base(), tmp_path / "base", tmp_path / "mark")
    words = (f"model.base={base}", "model.trust_remote_code=true")
    sent = sitool.create(tmp_path / "sent", assignments=words)
    shutil.rmtree(tmp_path / "state")
    app = SitoolApp(sent.folder, warm=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_seen(pilot, "No samples yet.")
        assert not app._notifications  # To look at it, none of the code is needed.
        await pilot.press("s")
        await until(pilot, lambda: len(app._notifications) > 0)
        (said,) = [note.message for note in app._notifications]
        assert "would run Python code of its own" in said
        assert f"sitool trust {sent.folder}" in said
    end_engine(sent.folder)
    assert (sent.rounds(), (tmp_path / "mark").exists()) == ([], False)
    sent.close()
