"""The page on a task of one's own says what is so: its example runs as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sitool
from sitool.process import end_engine

PAGE = Path(__file__).parent.parent / "docs" / "own-task.md"
EXAMPLE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]


def test_it_has_ten_lines() -> None:
    code = [line for line in EXAMPLE.splitlines() if line.strip()]
    assert len(code) - len(["import sitool"]) <= 10


@pytest.mark.slow
def test_the_example_runs_as_it_is_written(tmp_path: Path) -> None:
    script = f"{EXAMPLE}\nprint(report)\nprint(study.head.number, report.ok)\n"
    (tmp_path / "example.py").write_text(script, encoding="utf-8")
    root = str(Path(sitool.__file__).parents[1])
    env = os.environ | {"SITOOL_ENGINE": "process", "PYTHONPATH": root}
    env |= {"XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    end_engine(tmp_path / "sums")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1 True", done.stdout
    assert "The base succeeds sometimes at level" in done.stdout


def test_the_example_runs_on_the_scripted_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same without a model: only the base and the size are others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    scripted = [f"{name}=scripted" for name in ("model.base", "sampler.name", "trainer.name")]
    words = EXAMPLE.replace('base="tiny"', 'base="scripted", inline=True')
    words = words.replace('["draw.problems=64"]', repr([*scripted, "draw.problems=8"]))
    (tmp_path / "example.py").write_text(words, encoding="utf-8")
    space: dict[str, object] = {"__name__": "example"}
    # Compiled under its file's name, so that the functions have a source.
    sys.modules["example"] = type(sys)("example")
    try:
        exec(compile(words, str(tmp_path / "example.py"), "exec"), space)
    finally:
        del sys.modules["example"]
    report, study = space["report"], space["study"]
    assert report.ok  # type: ignore[attr-defined]
    assert study.head.number == 1  # type: ignore[attr-defined]
    study.close()  # type: ignore[attr-defined]
