"""Which Python a base brings along, and that one agreement holds for exactly that."""

import subprocess
import sys
from pathlib import Path

import pytest

from sitool import trust
from sitool.config import ModelSettings
from sitool.errors import ModelError, TaskError
from sitool.models.code import MOST_FILES, BaseCode, may_run, read_code


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "sitool" / "trusted" / "bases"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "base"
    place.mkdir()
    (place / "config.json").write_text('{"auto_map": {"AutoConfig": "config_a.A"}}')
    (place / "config_a.py").write_text("class A: pass\n")
    return place


def settings_for(folder: Path, *, on: bool = True) -> ModelSettings:
    return ModelSettings(base=str(folder), trust_remote_code=on)


def code_in(folder: Path) -> BaseCode:
    code = read_code(settings_for(folder), folder)
    assert code is not None
    return code


def test_nothing_runs_before_it_is_agreed_to_and_then_exactly_that(folder: Path) -> None:
    with pytest.raises(ModelError, match="which you have not agreed to on this machine") as caught:
        may_run(settings_for(folder), folder)
    assert f"'config_a.py' in '{folder}'" in caught.value.message
    assert caught.value.hint.endswith(f"then sitool trust {folder}")
    code_in(folder).agree()
    assert may_run(settings_for(folder), folder)
    (folder / "config_a.py").write_text("class A: pass \n")
    with pytest.raises(ModelError, match="which was changed since you agreed to it"):
        may_run(settings_for(folder), folder)
    (folder / "config_a.py").write_text("class A: pass\n")
    assert may_run(settings_for(folder), folder)


def test_an_agreement_goes_by_content_wherever_the_folder_lies(folder: Path) -> None:
    code_in(folder).agree()
    moved = folder.rename(folder.with_name("moved"))
    assert may_run(settings_for(moved), moved)


@pytest.mark.parametrize(
    "name", ["more.py", "custom_generate/generate.py", ".hidden/x.py", "A.PY", "config_a.pY"]
)
def test_one_more_file_is_other_code(folder: Path, name: str) -> None:
    code_in(folder).agree()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    with pytest.raises(ModelError, match="was changed"):
        may_run(settings_for(folder), folder)


def test_code_behind_a_link_to_a_folder_counts_and_a_ring_of_links_ends(
    folder: Path, tmp_path: Path
) -> None:
    code_in(folder).agree()
    (tmp_path / "elsewhere").mkdir()
    (folder / "custom_generate").symlink_to(tmp_path / "elsewhere")
    (folder / "ring").symlink_to(folder)
    assert may_run(settings_for(folder), folder)  # There is no more code than before.
    (tmp_path / "elsewhere" / "generate.py").write_text("")
    assert [name for name, _ in code_in(folder).files] == [
        "config_a.py",
        "custom_generate/generate.py",
    ]
    with pytest.raises(ModelError, match="was changed"):
        may_run(settings_for(folder), folder)


def test_two_sets_of_files_never_have_one_hash(folder: Path) -> None:
    """Not even where a name holds what another file's entry would look like."""
    codes = [code_in(folder)]
    first = codes[0].files[0]
    for files in (
        ((f"config_a.py\n{first[1]} b.py", first[1]),),
        (first, ("b.py", first[1])),
        (("b.py", first[1]), first),
        (("b.py", first[1]),),
    ):
        codes.append(BaseCode(codes[0].base, folder, "", files))
    codes += [BaseCode("org/x", folder, revision, (first,)) for revision in ("a", "b")]
    codes += [BaseCode("org/y", folder, "a", (first,))]
    assert len({code.sha256 for code in codes}) == len(codes)


def test_of_a_hub_model_name_and_revision_are_agreed_to(tmp_path: Path) -> None:
    for revision in ("a" * 40, "b" * 40):
        place = tmp_path / revision
        place.mkdir()
        (place / "config.json").write_text("{}")
        (place / "x.py").write_text("")
    settings = ModelSettings(base="org/model", trust_remote_code=True)
    first = read_code(settings, tmp_path / ("a" * 40))
    assert first is not None
    assert first.place == f"org/model (revision {'a' * 40})"
    first.agree()
    assert may_run(settings, tmp_path / ("a" * 40))
    with pytest.raises(ModelError, match=r"The base 'org/model' would run .* was changed since"):
        may_run(settings, tmp_path / ("b" * 40))


def test_a_base_without_code_needs_no_agreement_and_may_run_none(folder: Path) -> None:
    assert not may_run(settings_for(folder, on=False), folder)
    (folder / "config_a.py").unlink()
    assert not may_run(settings_for(folder), folder)


def test_an_adapter_in_the_base_s_place_brings_no_code(folder: Path) -> None:
    """Transformers would go on to the base that it names, wherever that lies."""
    (folder / "config.json").rename(folder / "adapter_config.json")
    assert not may_run(settings_for(folder), folder)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"auto_map": {"AutoConfig": "org/other--config_a.A"}}', "org/other--config_a.A"),
        ('{"auto_map": {"AutoTokenizer": [null, "/tmp/evil.A"]}}', "/tmp/evil.A"),
        ('{"auto\\u005fmap": {"AutoConfig": "/tmp/evil.A"}}', "/tmp/evil.A"),
        ('{"text_config": [{"auto_map": {"AutoModel": "../evil.A"}}]}', "../evil.A"),
    ],
)
@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "config.5.0.0.json"])
def test_code_that_lies_elsewhere_is_refused_even_beside_agreed_code(
    folder: Path, file: str, text: str, named: str
) -> None:
    code_in(folder).agree()
    (folder / file).write_text(text)
    with pytest.raises(ModelError, match="names code outside of its own files") as caught:
        may_run(settings_for(folder), folder)
    assert f"{named!r} in {file!r}" in caught.value.message


def test_code_in_a_folder_of_the_base_is_its_own(folder: Path) -> None:
    (folder / "config.json").write_text('{"auto_map": {"AutoConfig": "sub/modeling-a.A"}}')
    code_in(folder).agree()
    assert may_run(settings_for(folder), folder)


def test_what_cannot_be_looked_at_is_refused(folder: Path) -> None:
    (folder / "gone.py").symlink_to(folder / "nowhere")
    with pytest.raises(ModelError, match=r"gone\.py' is no plain file"):
        may_run(settings_for(folder), folder)
    (folder / "gone.py").unlink()
    (folder / "long.py").write_bytes(b"#" * (trust.MOST_BYTES + 1))
    with pytest.raises(ModelError, match="has more than 2,000,000 bytes"):
        may_run(settings_for(folder), folder)
    (folder / "long.py").unlink()
    (folder / "odd.json").write_text('{"auto_map": ')
    with pytest.raises(ModelError, match=r"odd\.json' is not JSON"):
        may_run(settings_for(folder), folder)


UNLISTED = """
import os, sys
from pathlib import Path
from sitool.config import ModelSettings
from sitool.models.code import may_run
os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.setuid(65534)  # Root may list every folder.
may_run(ModelSettings(base=".", trust_remote_code=True), Path())
"""


def test_a_folder_that_cannot_be_listed_is_refused(folder: Path) -> None:
    """Its files could be opened by their names all the same."""
    code_in(folder).agree()
    (folder / "custom_generate").mkdir()
    assert may_run(settings_for(folder), folder)
    (folder / "custom_generate").chmod(0o300)
    done = subprocess.run(
        [sys.executable, "-c", UNLISTED, folder], capture_output=True, text=True, check=False
    )
    (folder / "custom_generate").chmod(0o700)
    assert "ModelError: The code of the base '.' cannot be looked at" in done.stderr
    assert "Permission denied" in done.stderr


def test_a_folder_that_was_not_meant_is_refused(folder: Path) -> None:
    for number in range(MOST_FILES + 1):
        (folder / f"m{number}.py").touch()
    with pytest.raises(ModelError, match="has 502 Python files"):
        may_run(settings_for(folder), folder)


def test_a_task_s_agreement_is_none_for_a_base(folder: Path, state: Path) -> None:
    code = code_in(folder)
    trust.remember(code.sha256, "task.py", trust.trusted_folder())
    assert not code.agreed
    code.agree()
    assert (state / code.sha256).read_text().splitlines() == [str(folder)]


def test_an_agreement_that_cannot_be_kept_is_said(folder: Path, state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text("a file where the folder should be")
    with pytest.raises(TaskError, match="cannot be kept"):
        code_in(folder).agree()


def test_looking_at_code_loads_no_model_library() -> None:
    program = (
        "import sys; from sitool import agreements;"
        " sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
