"""A killed, stopped or crashed engine loses nothing that shows in the end.

The engine is a real process that dies by SIGKILL (see `engine_driver.py`); what it
leaves behind is taken up by another one, and compared with a study that nobody
disturbed: token ids, log-probabilities bit by bit, scores, weights, metrics, and
the bytes of the adapters.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from studies import adapters, contents, create, differing, rows, run_with_stops

import sitool
from sitool.records import Phase

DRIVER = Path(__file__).with_name("engine_driver.py")
SITOOL = (sys.executable, "-c", "from sitool.__main__ import main; main()")


class Driver:
    """The other end of `engine_driver.py`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def run(self, folder: Path, rounds: int, kill_at: int = -1) -> dict[str, Any]:
        """Work on a study in a process of its own."""
        assert self._process.stdin is not None
        order = {"folder": str(folder), "rounds": rounds, "kill_at": kill_at}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()


@pytest.fixture(scope="module")
def scripted_driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def real_driver() -> Iterator[Driver]:
    driver = Driver("real")
    yield driver
    driver.close()


class Reference:
    """A study with round 0 to begin at, and what it holds after round 1."""

    def __init__(self, driver: Driver, folder: Path, *changes: str, real: bool) -> None:
        self.driver, self.begin = driver, folder / "begin"
        create(self.begin, "evaluation.problems_per_level=5", *changes, real=real).close()
        assert driver.run(self.begin, 0)["status"] == 0
        whole = folder / "whole"
        shutil.copytree(self.begin, whole)
        answer = driver.run(whole, 1)
        assert answer["status"] == 0
        self.points: list[list[str]] = answer["points"]
        self.contents = contents(whole)

    def points_of(self, phase: Phase, what: str) -> list[int]:
        return [i for i, (at, name) in enumerate(self.points) if at == phase and what in name]

    def check_killed_at(self, point: int, folder: Path) -> None:
        """Kill an engine at a point, let another one finish, and compare."""
        shutil.copytree(self.begin, folder)
        killed = self.driver.run(folder, 1, kill_at=point)
        assert killed["status"] == -signal.SIGKILL, self.points[point]
        assert self.driver.run(folder, 1)["status"] == 0, self.points[point]
        assert differing(self.contents, contents(folder)) == [], self.points[point]
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def scripted(scripted_driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(scripted_driver, tmp_path_factory.mktemp("scripted"), real=False)


@pytest.fixture(scope="module")
def real(real_driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(real_driver, tmp_path_factory.mktemp("real"), real=True)


@pytest.fixture(scope="module")
def full(real_driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    changes = (
        "trainer.method=full",
        "trainer.learning_rate=1e-4",
        "trainer.epochs=20",
        "trainer.early_stop=0.9",
        "trainer.warmup=0.1",
    )
    return Reference(real_driver, tmp_path_factory.mktemp("full"), *changes, real=True)


@pytest.fixture(scope="module")
def judged(real_driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    changes = (
        'verifier.names=["mc", "cot_binary", "tournament", "majority", "likelihood@base"]',
        'evaluation.verifiers=["mc", "cot_score"]',
        "judge.form=words",
        "judge.max_new_tokens=3",
        "sampler.chunk_rows=6",
        'judge.mc_prompt="{prompt}{completion}?"',
        'judge.cot_binary_prompt="{prompt}{completion}?"',
        'judge.cot_score_prompt="{prompt}{completion}?"',
        'judge.tournament_prompt="{prompt}{first},{second}?"',
    )
    return Reference(real_driver, tmp_path_factory.mktemp("judged"), *changes, real=True)


def middle(numbers: list[int]) -> int:
    return numbers[len(numbers) // 2]


@pytest.mark.parametrize("phase", list(Phase))
def test_a_killed_engine_resumes_to_the_same_round(
    real: Reference, phase: Phase, tmp_path: Path
) -> None:
    """On the real base: between a commit and its event, and within each phase."""
    for what in ("at the event", "after the commit"):
        real.check_killed_at(middle(real.points_of(phase, what)), tmp_path / "study")


def test_an_adapter_is_there_whole_or_not_at_all(real: Reference, tmp_path: Path) -> None:
    for point in real.points_of(Phase.TRAIN, "move of the adapter"):
        real.check_killed_at(point, tmp_path / "study")


def test_full_fine_tuning_that_stops_early_resumes_to_the_same_round(
    full: Reference, tmp_path: Path
) -> None:
    steps = full.points_of(Phase.TRAIN, "at the event")
    assert len(steps) < 60  # The last epochs are not there: it has stopped early.
    moves = full.points_of(Phase.TRAIN, "move of the adapter")
    for point in (steps[2], steps[-1], *moves):
        full.check_killed_at(point, tmp_path / "study")


@pytest.mark.slow
def test_a_round_judged_by_the_model_resumes_to_the_same_round(
    judged: Reference, tmp_path: Path
) -> None:
    """What judges write is drawn from each question's own seeds."""
    assert len(judged.points_of(Phase.VERIFY, "SamplesScored")) >= 12
    points = judged.points_of(Phase.VERIFY, "after the commit")
    points += judged.points_of(Phase.EVALUATE, "SamplesScored")
    for point in points[:: max(1, len(points) // 6)]:
        judged.check_killed_at(point, tmp_path / "study")


def test_the_real_round_samples_trains_and_measures(real: Reference) -> None:
    """Otherwise the comparisons above would compare nothing."""
    assert len(real.points_of(Phase.SAMPLE, "SamplesDrawn")) >= 3
    assert len(real.points_of(Phase.VERIFY, "SamplesScored")) >= 3
    assert len(real.points_of(Phase.TRAIN, "StepTrained")) >= 3
    assert len(real.points_of(Phase.EVALUATE, "SamplesDrawn")) >= 3
    assert any("model.safetensors" in name for name in real.contents["adapters"])


@pytest.mark.slow
def test_a_kill_at_any_instant_is_made_good(scripted: Reference, tmp_path: Path) -> None:
    """Every eleventh instant; the others are in the slow test."""
    for point in range(0, len(scripted.points), 11):
        scripted.check_killed_at(point, tmp_path / "study")


@pytest.mark.slow
def test_a_kill_at_every_single_instant_is_made_good(scripted: Reference, tmp_path: Path) -> None:
    for point in range(len(scripted.points)):
        scripted.check_killed_at(point, tmp_path / "study")


@pytest.mark.slow
def test_a_kill_while_the_base_is_measured_is_made_good(
    scripted_driver: Driver, tmp_path: Path
) -> None:
    create(tmp_path / "whole").close()
    shutil.copytree(tmp_path / "whole", tmp_path / "begin")
    points = scripted_driver.run(tmp_path / "whole", 0)["points"]
    for point in range(0, len(points), 9):
        shutil.copytree(tmp_path / "begin", tmp_path / "study")
        assert scripted_driver.run(tmp_path / "study", 0, kill_at=point)["status"] < 0
        assert scripted_driver.run(tmp_path / "study", 0)["status"] == 0
        assert differing(contents(tmp_path / "whole"), contents(tmp_path / "study")) == []
        shutil.rmtree(tmp_path / "study")


def test_killed_ten_times_in_one_study(scripted_driver: Driver, tmp_path: Path) -> None:
    """Anywhere, again and again, over three rounds."""
    create(tmp_path / "study").close()
    shutil.copytree(tmp_path / "study", tmp_path / "whole")
    points = len(scripted_driver.run(tmp_path / "whole", 3)["points"])
    source = random.Random(1)
    for _ in range(10):
        scripted_driver.run(tmp_path / "study", 3, kill_at=source.randrange(points // 4))
    assert scripted_driver.run(tmp_path / "study", 3)["status"] == 0
    assert differing(contents(tmp_path / "whole"), contents(tmp_path / "study")) == []


def test_what_was_journaled_of_a_killed_round_reads_on(scripted: Reference, tmp_path: Path) -> None:
    """A follower sees the round start again, and finish once."""
    shutil.copytree(scripted.begin, tmp_path / "study")
    point = middle(scripted.points_of(Phase.SAMPLE, "at the event"))
    scripted.driver.run(tmp_path / "study", 1, kill_at=point)
    scripted.driver.run(tmp_path / "study", 1)
    kinds = [
        (kind, json.loads(body))
        for kind, body in rows(
            tmp_path / "study", "SELECT kind, body FROM events WHERE round = 1 ORDER BY id"
        )
    ]
    assert [body["resumed"] for kind, body in kinds if kind == "RoundStarted"] == [False, True]
    assert [kind for kind, _ in kinds].count("RoundFinished") == 1
    done = [b["done"] for k, b in kinds if k == "SamplesDrawn" and b["role"] == "train"]
    assert done == sorted(done)
    assert done[-1] == 96


def test_stopping_between_any_two_events_changes_nothing(tmp_path: Path) -> None:
    whole = create(tmp_path / "whole")
    whole.run(2)
    study = create(tmp_path / "study")
    run_with_stops(study, 2, every=5)
    assert differing(contents(tmp_path / "whole"), contents(tmp_path / "study")) == []


def sitool_process(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SITOOL, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
    )


def wait_for_line(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return
    pytest.fail(f"no line with {word!r} was printed")


def test_ctrl_c_stops_politely_and_says_how_to_go_on(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    process = sitool_process("run", study.folder, "--rounds", "1000", "--plain")
    wait_for_line(process, "r0003 starts")
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Stopping at the next chunk; what is done is kept." in said
    assert f"Go on: sitool step {study.folder}" in " ".join(said.split())
    assert complaint == ""
    # What was under way goes on where it stood, and ends as if nothing had happened.
    open_rounds = [r.number for r in study.rounds() if r.record.status == "open"]
    last = study.step().number
    assert open_rounds in ([], [last])
    create(tmp_path / "whole").run(last)
    assert differing(contents(tmp_path / "whole"), contents(tmp_path / "study")) == []


def test_kill_9_of_the_command_line_loses_nothing(tmp_path: Path) -> None:
    create(tmp_path / "study").close()
    source = random.Random(2)
    for _ in range(4):
        process = sitool_process("run", tmp_path / "study", "--rounds", "1000", "--plain")
        wait_for_line(process, "starts")
        time.sleep(source.uniform(0, 0.3))
        process.kill()
        process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL
    study = sitool.open(tmp_path / "study")
    last = study.step().number
    assert last >= 2
    create(tmp_path / "whole").run(last)
    assert differing(contents(tmp_path / "whole"), contents(tmp_path / "study")) == []


@pytest.mark.slow
def test_kill_9_of_the_command_line_on_the_real_base_loses_nothing(tmp_path: Path) -> None:
    create(tmp_path / "study", real=True).close()
    for word in ("r0000 starts", "r0001 starts", "sample", "select"):
        process = sitool_process("run", tmp_path / "study", "--rounds", "3", "--plain")
        wait_for_line(process, word)
        process.kill()
        process.communicate(timeout=60)
    goal = 4
    while (head := sitool.open(tmp_path / "study").head) is None or head.number < goal:
        subprocess.run([*SITOOL, "run", str(tmp_path / "study"), "--plain"], check=True)
    create(tmp_path / "whole", real=True).close()
    subprocess.run([*SITOOL, "run", str(tmp_path / "whole"), "-n", "4"], check=True)
    assert differing(contents(tmp_path / "whole"), contents(tmp_path / "study")) == []


def test_a_killed_engine_leaves_no_litter_among_the_adapters(
    real: Reference, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(real.begin, folder)
    point = real.points_of(Phase.TRAIN, "before the move of the adapter")[0]
    real.driver.run(folder, 1, kill_at=point)
    real.driver.run(folder, 1)
    assert [name for name in adapters(folder) if "/." in name] == []
