"""Cards of studies, copies of them, and their end."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from studies import contents, create, first_sample

import sitool
from sitool import shelf
from sitool.client import Study
from sitool.engine import Engine
from sitool.errors import StoreError, StudyError


@pytest.fixture
def folder(two_rounds: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two_rounds, tmp_path / "mine"))


def make_newer(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "study.db")) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
        connection.commit()


def test_a_card_tells_what_the_summary_tells(folder: Path) -> None:
    card = shelf.read_card(folder)
    summary = sitool.open(folder).summary()
    assert (card.task, card.base, card.rounds, card.head) == ("path", "scripted", 2, "r0002")
    assert card.accuracy == summary.round(2).overall
    assert list(card.branch) == [r.overall.value for r in summary.rounds if r.overall]
    assert not card.error
    assert not card.working
    assert card.touched > 0


def test_looking_at_a_study_is_no_change(folder: Path) -> None:
    an_hour_ago = time.time() - 3600
    os.utime(folder / "study.db", (an_hour_ago, an_hour_ago))
    before = shelf.signature(folder)
    assert shelf.read_card(folder).touched == pytest.approx(an_hour_ago, abs=1)
    with closing(sitool.open(folder)) as study:
        study.summary()
        assert shelf.signature(folder) == before
    assert shelf.signature(folder) == before
    with closing(sitool.open(folder)) as study:
        study.note(first_sample(study, 1).id, "look")
        assert shelf.signature(folder) != before


def test_the_branch_of_a_fork_leaves_the_other_rounds_out(study: Study) -> None:
    study.fork(0)
    card = shelf.read_card(study.folder)
    assert (card.head, len(card.branch), card.rounds) == ("r0000", 1, 2)


def test_a_fresh_study_has_no_numbers_yet(tmp_path: Path) -> None:
    create(tmp_path / "new").close()
    card = shelf.read_card(tmp_path / "new")
    assert (card.head, card.accuracy, card.branch, card.error) == ("", None, (), "")


def test_what_cannot_be_read_says_why(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "study.db").write_text("no database")
    make_newer(folder)
    assert "not a database" in shelf.read_card(tmp_path / "junk").error
    assert "format 99" in shelf.read_card(folder).error
    gone = shelf.read_card(tmp_path / "gone")
    assert gone.missing
    assert "There is no study" in gone.error


def test_studies_are_found_in_a_folder_and_in_itself(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert shelf.studies_in(tmp_path) == [folder]
    assert shelf.studies_in(folder) == [folder]
    assert shelf.studies_in(tmp_path / "nowhere") == []


def test_a_copy_equals_the_study_and_lives_by_itself(folder: Path) -> None:
    before = contents(folder)
    first, second = shelf.duplicate(folder), shelf.duplicate(folder)
    assert (first.name, second.name) == ("mine-copy", "mine-copy-2")
    assert contents(first) == before
    sitool.open(first).step()
    assert contents(folder) == before == contents(second)


def test_a_study_at_work_is_neither_copied_nor_deleted(folder: Path) -> None:
    before = contents(folder)
    study = sitool.open(folder)
    with Engine(study._store):
        study._store.journal.ask("step", {"rounds": 1, "to": None}, "somebody")
        for act in (shelf.duplicate, shelf.delete):
            with pytest.raises(StudyError, match="is working on"):
                act(folder)
    assert contents(folder) == before
    assert not folder.with_name("mine-copy").exists()


def test_an_engine_that_only_waits_is_not_in_the_way(folder: Path) -> None:
    study = sitool.open(folder)
    with Engine(study._store):
        assert shelf.read_card(folder).engine == os.getpid()
        assert contents(shelf.duplicate(folder)) == contents(folder)
        assert shelf.delete(folder)


def test_a_copy_that_fails_leaves_nothing(folder: Path) -> None:
    (folder / "study.db").write_text("no database")
    with pytest.raises(StoreError):
        shelf.duplicate(folder)
    assert not folder.with_name("mine-copy").exists()


def test_what_is_lost_is_counted(folder: Path) -> None:
    study = sitool.open(folder)
    study.accept(first_sample(study, 1).id)
    lost = shelf.read_contents(folder)
    assert lost.rounds == 2
    assert lost.samples > 2 * 24 * 4
    assert lost.rulings == 1
    assert lost.size > 10_000


def test_what_is_lost_with_a_broken_study_is_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("no database")
    assert shelf.read_contents(tmp_path) == shelf.Contents(0, 0, 0, 11)


def test_a_deleted_study_is_gone_with_its_folder(folder: Path) -> None:
    assert shelf.delete(folder)
    assert not folder.exists()


def test_what_is_not_ours_is_never_deleted(folder: Path, tmp_path: Path) -> None:
    (folder / "thesis.tex").write_text("ten years")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "data").write_text("x")
    shutil.rmtree(folder / "adapters")
    (folder / "adapters").symlink_to(tmp_path / "elsewhere")
    assert not shelf.delete(folder)
    assert [place.name for place in folder.iterdir()] == ["thesis.tex"]
    assert (tmp_path / "elsewhere" / "data").exists()


def test_a_folder_without_a_study_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    with pytest.raises(StudyError, match="There is no study"):
        shelf.delete(tmp_path)
    assert (tmp_path / "adapters").exists()


def test_the_demo_study_takes_a_free_name(tmp_path: Path) -> None:
    first, second = shelf.make_demo(tmp_path), shelf.make_demo(tmp_path)
    assert (first.name, second.name) == ("demo-study", "demo-study-2")
    settings = sitool.open(first).settings
    assert (settings.task.name, settings.seed) == ("path", 7)


# The demo study, by its name.


def test_the_demo_study_is_made_once_where_the_app_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = sitool.open("demo")
    made.configure("draw.samples=3")
    made.close()
    again = sitool.open("demo")
    settings = again.settings
    assert (again.folder, settings.draw.samples) == (Path(shelf.DEMO_FOLDER), 3)
    again.close()
    assert [place.name for place in tmp_path.iterdir()] == ["demo-study"]
    by_the_app = sitool.open(shelf.make_demo(tmp_path / "elsewhere"))
    by_the_app.configure("draw.samples=3")
    assert by_the_app.settings == settings
    by_the_app.close()


def test_a_folder_of_ones_own_called_demo_comes_first(
    two_rounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(two_rounds, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    study = sitool.open("demo")
    assert (study.folder.name, len(study.rounds())) == ("demo", 3)
    study.close()
    with pytest.raises(StoreError, match="There is no study in 'demos'"):
        sitool.open("demos")
    monkeypatch.setenv("HOME", str(tmp_path))
    at_home = sitool.open("~/demo")
    assert at_home.folder == tmp_path / "demo"
    at_home.close()
