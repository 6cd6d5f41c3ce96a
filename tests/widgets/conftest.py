"""What the tests of the notebook's parts share: a view of a study of one's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from following import until

import sitool
from sitool.client import Study

pytest.importorskip("ipywidgets", reason="the extra `notebook` is not installed")

from sitool.widgets.view import View


def _followed(study: Study) -> Iterator[View]:
    view = View(study)
    assert view.settle(60)
    yield view
    view.close()
    if study.engine_pid is not None:
        study.end_engine()
        until(lambda: study.engine_pid is None)


@pytest.fixture
def view(study: Study) -> Iterator[View]:
    """Return a view of a scripted study with rounds 0 to 2 done."""
    yield from _followed(study)


@pytest.fixture
def judged(judged_rounds: Path, tmp_path: Path) -> Iterator[View]:
    """Return a view of a scripted study whose held-out samples five judges scored."""
    shutil.copytree(judged_rounds, tmp_path / "judged")
    study = sitool.open(tmp_path / "judged")
    yield from _followed(study)
    study.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[View]:
    """Return a view of a scripted study that has no round yet."""
    from studies import create

    study = create(tmp_path / "fresh")
    yield from _followed(study)
    study.close()
