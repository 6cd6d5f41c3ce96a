"""A worker's process imports nothing from the working directory, and ends with its holder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sitool.workers import StalledError, Worker

SERVING = """
import os, sys, time
from multiprocessing.connection import Connection
def serve(descriptor, parent):
    with Connection(descriptor) as pipe:
        while True:
            asked = pipe.recv()
            if asked == "die":
                os._exit(1)
            if asked == "path":
                pipe.send([sys.path, hash("a text")])
            if asked == "hang":
                time.sleep(1000)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    (tmp_path / "served.py").write_text(SERVING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *_path()]))
    monkeypatch.chdir(tmp_path)
    made = Worker("served", "test")
    yield made
    made.kill()


def _path() -> list[str]:
    return [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []


def test_the_working_directory_is_no_place_for_modules(worker: Worker) -> None:
    worker.send("path")
    path, _ = worker.answer(60)
    assert "" not in path


def test_texts_have_the_same_hash_in_each(worker: Worker) -> None:
    other = Worker("served", "test")
    for one in (worker, other):
        one.send("path")
    assert worker.answer(60)[1] == other.answer(60)[1]
    other.kill()


def test_one_that_dies_and_one_that_hangs_are_told_apart(worker: Worker) -> None:
    worker.send("hang")
    with pytest.raises(StalledError, match=r"No answer within 0\.1 s"):
        worker.answer(0.1)
    worker.kill()
    assert worker.process.returncode == -9
    other = Worker("served", "test")
    other.send("die")
    with pytest.raises(StalledError, match="The test's process died"):
        other.answer(60)
    other.kill()
