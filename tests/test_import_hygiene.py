"""The first screen must be there in under a second, so nothing heavy is loaded for it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "peft", "tokenizers", "llama_cpp", "datasets", "pyarrow")
ROOT = Path(__file__).parent.parent


def heavy_after(code: str, *arguments: str) -> list[str]:
    """Run code in a fresh interpreter and return the heavy packages that it has loaded."""
    ask = f"import sys; print(*[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{ask}", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.split()


LIGHT = (
    "sitool", "sitool.cli", "sitool.client", "sitool.summary", "sitool.store", "sitool.config",
    "sitool.presets", "sitool.study.export", "sitool.engine", "sitool.loop", "sitool.parts",
    "sitool.registry", "sitool.verifiers.worker", "sitool.samplers.scripted",
    "sitool.tui.studies", "sitool.tui.settings", "sitool.tui.new_study",
    "sitool.planning.estimates", "sitool.lab", "sitool.gap", "sitool.sharpening.report",
    "sitool.pairing",
    "sitool.scoring", "sitool.verifiers.mc",
    "sitool.verifiers.likelihood", "sitool.verifiers.tournament", "sitool.verifiers.cross",
    "sitool.theory", "sitool.report", "sitool.plots", "sitool.vega",
    "sitool.overlay", "sitool.front.pages", "sitool.tui.theory_screen", "sitool.study.card",
    "sitool.front.findings.gap", "sitool.widgets",
    "sitool.own", "sitool.tasks.program", "sitool.validation",
)  # fmt: skip


def test_importing_loads_no_model_library() -> None:
    """One after the other in one process; the first of them that loads any is named."""
    code = (
        "import importlib, sys\n"
        f"for name in {LIGHT!r}:\n"
        "    importlib.import_module(name)\n"
        f"    assert not any(m in sys.modules for m in {HEAVY!r}), name"
    )
    assert heavy_after(code) == []


def test_the_notebook_is_loaded_when_it_is_named() -> None:
    code = (
        "import sys, sitool; assert not {'ipywidgets', 'sitool.widgets'} & set(sys.modules);"
        " assert sitool.widgets.Curriculum and sitool.charts.accuracy and sitool.lab.bounds"
    )
    assert heavy_after(code) == []


def test_names_are_there_when_they_are_named() -> None:
    code = (
        "import sys, sitool; assert 'sitool.records' not in sys.modules;"
        " assert sitool.errors.SitoolError is sitool.SitoolError;"
        " assert {*sitool.__all__} <= {*dir(sitool)}; assert not hasattr(sitool, 'stduy');"
        " from sitool import *; assert Study is sitool.client.Study; assert open is sitool.open"
    )
    assert heavy_after(code) == []


def test_what_runs_a_persons_code_loads_next_to_nothing() -> None:
    """A process that was killed for hanging has to be there again at once."""
    late = ("numpy", "pydantic", "sqlite3", "sitool.client", "sitool.config")
    code = (
        "import sys, sitool.tasks.program, sitool.verifiers.worker;"
        f" print(*[m for m in {late!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_creating_and_looking_at_a_study_loads_no_model_library(tmp_path: Path) -> None:
    code = (
        "import sys, sitool\n"
        "from sitool.summary import advice\n"
        "study = sitool.create(sys.argv[1])\n"
        "advice(study.summary())\n"
        "study.configure('draw.samples=2')\n"
        "sitool.open(sys.argv[1]).rounds()"
    )
    assert heavy_after(code, str(tmp_path / "study")) == []


def test_estimating_loads_no_model_library(tmp_path: Path) -> None:
    code = "import sys, sitool\nassert sitool.create(sys.argv[1]).estimate().bytes"
    assert heavy_after(code, str(tmp_path / "study")) == []


@pytest.mark.parametrize("command", ["status", "rounds", "set", "gap"])
def test_commands_that_look_load_no_model_library(two_rounds: Path, command: str) -> None:
    words = [command, str(two_rounds), *(["draw.samples=4"] if command == "set" else [])]
    code = (
        "import sys\n"
        "from sitool.__main__ import main\n"
        f"sys.argv = ['sitool', *{words!r}]\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code"
    )
    assert heavy_after(code) == []


def test_commands_load_no_screen(two_rounds: Path) -> None:
    code = (
        "import sys\n"
        "from sitool.cli.app import app\n"
        f"sys.argv = ['sitool', 'status', {str(two_rounds)!r}]\n"
        "app(standalone_mode=False)\n"
        "assert 'textual' not in sys.modules"
    )
    assert heavy_after(code) == []


def test_other_commands_load_no_gap_report(two_rounds: Path) -> None:
    code = (
        "import sys\n"
        "from sitool.cli.app import app\n"
        f"sys.argv = ['sitool', 'status', {str(two_rounds)!r}]\n"
        "app(standalone_mode=False)\n"
        "assert 'sitool.gap' not in sys.modules"
    )
    assert heavy_after(code) == []


@pytest.mark.parametrize(
    "late",
    [
        "altair", "sitool.gap", "sitool.lab", "sitool.sharpening.report", "sitool.theory",
        "sitool.tui.compare", "sitool.tui.edit", "sitool.tui.export", "sitool.tui.form",
        "sitool.tui.gap_screen", "sitool.tui.inspector", "sitool.tui.new_study",
        "sitool.tui.settings", "sitool.tui.sharpening_screen", "sitool.tui.siblings",
        "sitool.tui.theory_screen", "textual.widgets._text_area",
    ],
)  # fmt: skip
def test_the_first_frame_needs_none_of_what_is_loaded_late(late: str, loaded: set[str]) -> None:
    assert late not in loaded


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Return what `sitool open` has loaded before it shows anything."""
    code = "import sys, sitool.cli, sitool.tui.app\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_scripted_round_loads_no_model_library(tmp_path: Path) -> None:
    code = (
        "import sys, sitool\n"
        "parts = [f'{n}=scripted' for n in ('model.base', 'sampler.name', 'trainer.name')]\n"
        "judges = 'mc tournament likelihood majority cot_score cross'.split()\n"
        "more = ['draw.problems=4', f'verifier.names={judges}', f'evaluation.verifiers={judges}']\n"
        "sitool.create(sys.argv[1], assignments=[*parts, *more]).step()"
    )
    assert heavy_after(code, str(tmp_path / "study")) == []


def test_the_import_contracts_are_written_down() -> None:
    """Each with a sentence of why, as a comment above its name."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    kinds = {contract["type"] for contract in contracts}
    assert {"layers", "forbidden", "independence"} <= kinds
    for contract in contracts:
        before = text[: text.index(f'name = "{contract["name"]}"')].rstrip().splitlines()
        assert before[-1].startswith("# "), contract["name"]


def test_the_import_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([str(tool)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
