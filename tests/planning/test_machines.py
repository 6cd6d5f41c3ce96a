"""What is free, what is kept: real figures of this machine, and broken files."""

import json
import os
import sys
from pathlib import Path

import pytest

from sitool.planning import machines

pytestmark = pytest.mark.usefixtures("cache")


def test_a_machine_is_measured_once_and_remembered(cache: Path) -> None:
    assert machines.known_rates(1) is None
    found = machines.measure_rates(1)
    assert found is not None
    assert machines.known_rates(1) == found
    assert machines.known_rates(2) is None, "other threads are another pace"
    assert 1e8 < found.process_bytes < 2e9
    assert min(found.flops, found.half_flops, found.logits, found.layer_seconds) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is free")
def test_an_engine_s_own_memory_counts_as_free() -> None:
    own = machines.resident_bytes(os.getpid())
    free, with_own = machines.free_bytes(), machines.free_bytes(os.getpid())
    assert free is not None
    assert with_own is not None
    assert own > 1e7
    assert with_own - free == pytest.approx(own, abs=1e9)


@pytest.mark.parametrize("body", ["", "[]", '{"x": 1', "null", "[" * 100_000])
def test_a_broken_file_is_as_good_as_none(cache: Path, body: str) -> None:
    cache.mkdir(parents=True)
    (cache / "machines.json").write_text(body)
    assert machines.known_rates(1) is None
    machines.write_cache("machines.json", "x", {"y": 1})
    assert machines.read_cache("machines.json") == {"x": {"y": 1}}


def test_figures_of_another_version_are_not_used(cache: Path) -> None:
    cache.mkdir(parents=True)
    entry = {machines.machine_key(1): {"speed": 3}}
    (cache / "machines.json").write_text(json.dumps(entry))
    assert machines.known_rates(1) is None


def test_a_folder_that_cannot_be_written_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    machines.write_cache("machines.json", "x", {"y": 1})
    assert machines.read_cache("machines.json") == {}


@pytest.mark.parametrize(
    "program", ["raise SystemExit(3)", "print('words')", "print('[1]')", "import os; os.abort()"]
)
def test_a_child_that_fails_has_no_answer(program: str) -> None:
    assert machines.run_child(program, [], 30) is None
