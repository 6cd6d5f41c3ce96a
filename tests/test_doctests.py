"""Every example in a docstring is true; those of what people hold are run in `test_api.py`."""

import doctest
import importlib
from pathlib import Path

import pytest
from test_api import MODULES

import sitool
from sitool.errors import MissingDependencyError

ROOT = Path(sitool.__file__).parent
NEED_A_STUDY = {module.__name__ for module in MODULES}


def name_of(file: Path) -> str:
    """Return a module's name from its file."""
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# Read, not imported: what has no example need not be loaded, and torch only when it is needed.
WITH_EXAMPLES = sorted(
    name_of(file) for file in ROOT.rglob("*.py") if ">>> " in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", [name for name in WITH_EXAMPLES if name not in NEED_A_STUDY])
def test_the_examples_of_a_module_are_true(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(name)
    except MissingDependencyError as missing:
        pytest.skip(missing.message)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "sitool":
            raise
        pytest.skip(f"{missing.name} is not installed")
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for example in doctest.DocTestFinder().find(module):
        runner.run(example, out=said.append)
    assert not said, "".join(said)
    assert runner.tries, "nothing that looks like an example is one"


def test_examples_are_looked_for_in_the_whole_package() -> None:
    assert len(WITH_EXAMPLES) > 60
    assert set(WITH_EXAMPLES) > {"sitool.lab", "sitool.metrics", "sitool.models.gguf.vocabulary"}
    assert {"sitool.client", "sitool.study.view"} <= NEED_A_STUDY
