"""Code that somebody sent does not run before this user has agreed to exactly that code."""

from pathlib import Path

import pytest

from sitool import trust
from sitool.errors import TaskError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "sitool" / "trusted"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "task.py").write_bytes(b"levels = 3\r\n")
    return tmp_path / "task.py"


def test_unknown_code_is_refused_with_what_to_do(file: Path) -> None:
    with pytest.raises(TaskError, match="was not made on this machine") as caught:
        trust.read_trusted(file)
    assert str(file) in caught.value.message
    assert caught.value.hint == f"try: look at it, then sitool trust {file}"


def test_agreed_code_is_read_to_the_byte(file: Path) -> None:
    sha256 = trust.agree(trust.read_code(file), str(file))
    assert trust.read_trusted(file, sha256) == "levels = 3\r\n"
    assert trust.is_trusted(sha256)


def test_one_other_byte_is_other_code(file: Path) -> None:
    sha256 = trust.agree(trust.read_code(file), str(file))
    file.write_bytes(b"levels = 3\n")
    with pytest.raises(TaskError, match="was changed since its study was made"):
        trust.read_trusted(file, sha256)
    with pytest.raises(TaskError, match="was not made on this machine"):
        trust.read_trusted(file)


@pytest.mark.parametrize("name", ["", "..", "../../x", "a" * 63, "/" * 64, "a" * 64])
def test_nothing_else_than_an_agreed_hash_is_trusted(state: Path, name: str) -> None:
    trust.agree("levels = 1", "x")
    assert not trust.is_trusted(name)


def test_an_agreement_that_cannot_be_kept_is_said(state: Path, file: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text("a file where the folder should be")
    with pytest.raises(TaskError, match="agreement to run 'x' cannot be kept"):
        trust.agree("levels = 1", "x")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xff\xfe")
    with pytest.raises(TaskError, match="is not UTF-8"):
        trust.read_code(tmp_path / "a.py")
    with pytest.raises(TaskError, match="cannot be read"):
        trust.read_code(tmp_path / "none.py")
    (tmp_path / "b.py").write_bytes(b"#" * (trust.MOST_BYTES + 1))
    with pytest.raises(TaskError, match="2,000,001 bytes"):
        trust.read_code(tmp_path / "b.py")
