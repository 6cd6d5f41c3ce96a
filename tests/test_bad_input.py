"""Bad input gets a clear sentence with the offending value, and the study stays as it was."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import fill, mounted
from studies import PARTS, SMALL, create, folder_state, rows

import sitool
from sitool.client import Study
from sitool.errors import ConfigError, ModelError, SitoolError, StoreError, TaskError

SITOOL = (sys.executable, "-c", "from sitool.__main__ import main; main()")


def refused(folder: Path, *assignments: str, parts: tuple[str, ...] = PARTS) -> SitoolError:
    """Try to make a study and return the error, having made sure that nothing was written."""
    with pytest.raises(SitoolError) as caught:
        sitool.create(folder, assignments=[*parts, *assignments])
    assert not folder.exists()
    assert caught.value.message.count("\n") == 0 or isinstance(caught.value, ConfigError)
    return caught.value


# Making a study.


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{not json}", "not JSON"),
        ('["a", "b"]', "must be a JSON object"),
        ('{"answer": 1}', "no 'prompt'"),
        ('{"prompt": "", "answer": 1}', "the prompt must be a text"),
        ('{"prompt": "p"}', "'answer' must be a text or a number, not None"),
        ('{"prompt": "p", "answer": {"a": 1}}', "'answer' must be a text or a number"),
        ('{"prompt": "p", "answer": 1, "level": "hard"}', "'level' must be an integer, not 'hard'"),
    ],
)
def test_a_malformed_line_is_named_with_file_and_number(
    tmp_path: Path, line: str, sentence: str
) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text('{"prompt": "1+1=", "answer": 2}\n\n' + line + "\n", encoding="utf-8")
    error = refused(tmp_path / "study", "task.name=jsonl", f"task.path={file}")
    assert isinstance(error, TaskError)
    assert f"{file}:3: " in error.message
    assert sentence in error.message


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00\x01"])
def test_a_data_file_without_a_problem_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(content)
    assert str(file) in refused(tmp_path / "study", "task.name=jsonl", f"task.path={file}").message


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "study", "task.name=jsonl", f"task.path={tmp_path}/none.jsonl")
    assert f"{tmp_path}/none.jsonl" in error.message
    assert "No such file" in error.message
    assert "task.path" in refused(tmp_path / "study", "task.name=jsonl").message


def test_a_data_file_that_is_gone_later_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    lines = [json.dumps({"prompt": f"{i}+1=", "answer": i + 1}) for i in range(60)]
    file.write_text("\n".join(lines), encoding="utf-8")
    study = create(tmp_path / "study", "task.name=jsonl", f"task.path={file}")
    study.step()
    study.close()
    file.rename(tmp_path / "moved.jsonl")
    study = sitool.open(study.folder)
    before = folder_state(study.folder)
    with pytest.raises(TaskError, match=r"data\.jsonl"):
        study.step()
    assert folder_state(study.folder) == before
    assert len(study.summary().rounds) == 2
    (tmp_path / "moved.jsonl").rename(file)
    assert study.step().number == 2


@pytest.mark.parametrize("base", ["tinny", "/nowhere/at/all", "./none", "~/none"])
def test_a_missing_base_is_refused_with_the_known_ones(tmp_path: Path, base: str) -> None:
    error = refused(tmp_path / "study", f"model.base={base}", parts=())
    assert isinstance(error, ModelError)
    assert repr(base) in error.message
    assert "scripted" in error.message
    assert error.hint == "try: --set model.base=tiny"


def test_a_misspelt_base_shows_the_nearest_one(tmp_path: Path) -> None:
    error = refused(tmp_path / "study", "model.base=scriptd", parts=())
    assert "Did you mean 'scripted'?" in error.message


def test_a_folder_without_weights_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    assert (
        "no folder with a config.json"
        in refused(tmp_path / "study", f"model.base={tmp_path / 'base'}", parts=()).message
    )


def test_levels_that_the_task_lacks_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path / "study", "curriculum.lowest=40", "curriculum.highest=50")
    assert "40" in error.message


def test_scripted_parts_mixed_with_real_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Scripted parts only go together") as caught:
        sitool.create(tmp_path / "study", assignments=[*SMALL, "sampler.name=scripted"])
    assert not (tmp_path / "study").exists()
    assert "try: set all three to 'scripted'" in caught.value.hint


def test_a_study_cannot_be_made_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "study"):
        with pytest.raises(StoreError) as caught:
            create(folder)
        assert str(folder) in caught.value.message
    assert (tmp_path / "file").read_text() == "mine"


def test_a_study_is_made_beside_other_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    create(tmp_path).step()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_study_that_could_not_be_made_leaves_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "study.db").mkdir()
    with pytest.raises(StoreError):
        create(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write to; for root, who may, a mounted one."""
    tmp_path.chmod(0o500)
    if os.geteuid() != 0:
        yield tmp_path
        tmp_path.chmod(0o700)
        return
    with mounted(tmp_path, "ro"):
        yield tmp_path


def test_a_folder_that_cannot_be_written_says_so(read_only_folder: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        create(read_only_folder / "study")
    assert list(read_only_folder.iterdir()) == []


def test_a_file_system_that_cannot_be_written_says_so() -> None:
    """Root may write everywhere but here."""
    with pytest.raises(StoreError, match="'/proc/study"):
        create(Path("/proc/study"))


# Adapters that are not what they should be.


def adapter_file(study: Study, number: int) -> Path:
    return study.folder / "adapters" / f"r{number:04d}" / "adapter.json"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"base": "other", "base_hash": "1234", "skill": 0.5}', "belongs to the base 'other'"),
        ("{half", "Cannot read"),
        ("[]", "does not hold a JSON object"),
    ],
)
def test_a_foreign_or_broken_adapter_stops_the_round_with_a_sentence(
    study: Study, content: str, sentence: str
) -> None:
    file = adapter_file(study, 2)
    former = file.read_text(encoding="utf-8")
    study.step(to="draw")
    file.write_text(content, encoding="utf-8")
    before = folder_state(study.folder)
    with pytest.raises(ModelError, match=sentence) as caught:
        study.step()
    assert "r0002" in caught.value.message
    after = folder_state(study.folder)
    assert after["samples"] == before["samples"]
    assert after["adapters"] == before["adapters"]
    file.write_text(former, encoding="utf-8")
    assert study.step().number == 3


def test_a_missing_adapter_folder_stops_the_round_with_a_sentence(study: Study) -> None:
    folder = study.folder / "adapters" / "r0002"
    shutil.move(folder, study.folder / "elsewhere")
    with pytest.raises(ModelError, match="r0002") as caught:
        study.step()
    assert caught.value.hint == "try: go back to the round before 'r0002' and step again"
    assert study.undo().number == 2  # Out of the round that was opened, and then as the hint says.
    assert study.undo().number == 1
    assert study.step().record.parent == 1


def test_an_adapter_of_another_real_base_is_refused(make_base: object, tmp_path: Path) -> None:
    """The real thing: PEFT files whose base has other weights."""
    characters = "".join(map(chr, range(32, 127)))
    folders = [make_base("llama", seed, characters=characters) for seed in (0, 1)]  # type: ignore[operator]
    studies_ = [
        sitool.create(
            tmp_path / str(i),
            assignments=[
                f"model.base={folder}", "model.device=cpu", "model.threads=1", "task.name=addition",
                "draw.problems=4", "draw.samples=2", "selection.threshold=0", "trainer.rank=2",
                "sampler.max_new_tokens=4", "evaluation.problems_per_level=1",
                "evaluation.samples=0", "evaluation.highest=1", "curriculum.highest=1",
            ],
        )
        for i, folder in enumerate(folders)
    ]  # fmt: skip
    for study in studies_:
        study.step()
    shutil.rmtree(tmp_path / "0" / "adapters" / "r0001")
    shutil.copytree(tmp_path / "1" / "adapters" / "r0001", tmp_path / "0" / "adapters" / "r0001")
    with pytest.raises(ModelError, match="belongs to the base") as caught:
        studies_[0].step()
    assert str(folders[1]) in caught.value.message


# A full disk.


@pytest.fixture
def little_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB, where one may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, "size=2m"):
        yield folder


def test_an_adapter_for_which_there_is_no_room_is_an_error_and_leaves_no_half(
    little_disk: Path,
) -> None:
    import numpy
    from safetensors.numpy import save_file

    from sitool.models.adapters import replaced_folder

    (little_disk / "r0001").mkdir()
    (little_disk / "r0001" / "old").touch()
    with (
        pytest.raises(ModelError, match="cannot be written") as caught,
        replaced_folder(little_disk / "r0001") as draft,
    ):
        save_file({"a": numpy.zeros(10_000_000)}, draft / "adapter_model.safetensors")
    assert "free some disk space" in caught.value.hint
    assert [p.name for p in little_disk.rglob("*")] == ["r0001", "old"]


def test_a_full_disk_stops_with_a_sentence_and_goes_on_when_there_is_room(
    little_disk: Path, tmp_path: Path
) -> None:
    study = create(little_disk / "study", "draw.problems=200")
    study.run(0)
    ballast = fill(little_disk)
    with pytest.raises(SitoolError) as caught:
        study.run(3)
    assert "full" in caught.value.message or "space" in caught.value.message.lower()
    assert "disk" in caught.value.hint
    study.close()
    ballast.unlink()
    moved = tmp_path / "roomy"
    shutil.copytree(little_disk / "study", moved)
    whole = create(tmp_path / "whole", "draw.problems=200")
    for one in (sitool.open(moved), whole):
        while one.head is None or one.head.number < 1:
            one.step()
    samples = "SELECT round, text, token_logprobs FROM samples ORDER BY round, role, position, idx"
    assert rows(moved, samples) == rows(whole.folder, samples)


def no_large_files() -> None:
    """Let no file of this process grow above 200 KB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_file_that_may_not_grow_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    create(tmp_path / "study", "draw.problems=400").close()
    done = subprocess.run(
        [*SITOOL, "run", str(tmp_path / "study"), "--rounds", "5", "--plain"],
        capture_output=True, text=True, preexec_fn=no_large_files, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    study = sitool.open(tmp_path / "study")
    check = rows(study.folder, "PRAGMA integrity_check")
    assert check == [("ok",)]
    study.step()


# Damage.


def test_a_damaged_database_is_said_in_a_sentence(two_rounds: Path, tmp_path: Path) -> None:
    shutil.copytree(two_rounds, tmp_path / "study")
    file = tmp_path / "study" / "study.db"
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(bytes(content))
    before = file.read_bytes()
    with pytest.raises(StoreError) as caught:
        sitool.open(tmp_path / "study").summary()
    assert repr(str(tmp_path / "study")) in caught.value.message
    assert "restore study.db from a copy" in caught.value.hint
    assert file.read_bytes() == before


def test_settings_in_the_database_that_cannot_be_read_are_an_error(study: Study) -> None:
    """Somebody has changed study.db by hand, or a setting has gone in a later sitool."""
    connection = sqlite3.connect(study.folder / "study.db")
    connection.execute("""UPDATE meta SET value = '{"draw": 5}' WHERE key = 'next_settings'""")
    connection.commit()
    connection.close()
    with pytest.raises(SitoolError) as caught:
        sitool.open(study.folder).step()
    assert "draw" in caught.value.message


def test_a_folder_that_vanishes_while_it_is_open_is_said_in_a_sentence(
    study: Study,
) -> None:
    shutil.rmtree(study.folder)
    with pytest.raises(StoreError) as caught:
        study.step()
    assert str(study.folder) in caught.value.message
