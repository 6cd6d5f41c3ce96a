"""Which studies were opened lately: a convenience that must never be in the way."""

import json
from pathlib import Path

import pytest

from sitool.front.recent import KEPT, forget, recent_studies, remember, state_file


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "sitool" / "recent.json"


def folders() -> list[Path]:
    return [one.folder for one in recent_studies()]


def test_there_are_none_at_first(state: Path) -> None:
    assert recent_studies() == []
    assert state_file() == state
    assert not state.parent.exists()


def test_the_one_opened_last_is_first_and_each_is_there_once(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b, a):
        remember(folder)
    assert folders() == [a, b]
    forget(a)
    assert folders() == [b]


def test_a_relative_folder_is_found_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    remember(Path("study"))
    monkeypatch.chdir("/")
    assert folders() == [tmp_path / "study"]


def test_a_folder_that_is_gone_stays_until_it_is_forgotten(tmp_path: Path) -> None:
    remember(tmp_path / "never-there")
    assert folders() == [tmp_path / "never-there"]


def test_the_list_does_not_grow_for_ever(tmp_path: Path) -> None:
    for number in range(KEPT + 5):
        remember(tmp_path / str(number))
    assert len(folders()) == KEPT
    assert folders()[0] == tmp_path / str(KEPT + 4)


@pytest.mark.parametrize(
    "text",
    [
        "", "not json", "[]", "null", "3", '{"studies": 3}', '{"studies": [3, null, "x", []]}',
        '{"studies": [{"folder": 3, "opened": 1}, {"folder": "relative", "opened": 1}]}',
        '{"studies": [{"folder": "/a\\u0000b", "opened": 1}, {"opened": 1}]}',
        '{"studies": [{"folder": "/x", "opened": "yesterday"}]}', "[" * 100_000, "\udcff",
    ],
)  # fmt: skip
def test_a_broken_file_is_no_list_and_is_mended(state: Path, tmp_path: Path, text: str) -> None:
    state.parent.mkdir(parents=True)
    state.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert recent_studies() == []
    remember(tmp_path / "study")
    assert folders() == [tmp_path / "study"]


def test_what_is_right_in_a_broken_file_is_kept(state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"studies": [{"folder": "/x", "opened": 1}, {"folder": None}]}))
    assert folders() == [Path("/x")]


def test_where_nothing_can_be_written_nothing_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    remember(tmp_path / "study")
    assert recent_studies() == []


def test_nothing_half_written_is_left(state: Path, tmp_path: Path) -> None:
    remember(tmp_path / "study")
    assert [place.name for place in state.parent.iterdir()] == ["recent.json"]


def test_a_relative_state_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "somewhere")
    assert state_file() == Path("~/.local/state/sitool/recent.json").expanduser()
