"""Whatever a verifier does, the round gets one valid score a sample and goes on."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from sitool.errors import UnknownNameError, VerifierError
from sitool.records import Completion, Problem, Score
from sitool.verifiers.guard import Guard, verifier_spec
from sitool.verifiers.scripted import ScriptedVerifier
from sitool.verifiers.truth import TruthVerifier
from sitool.verifiers.worker import VerifierSpec

SCRIPTED = VerifierSpec(ScriptedVerifier)

MakeSpec = Callable[..., VerifierSpec]


def samples(*texts: str) -> list[tuple[Problem, Completion]]:
    return [(Problem("none", 1, "?", ""), Completion((), text, "stop", ())) for text in texts]


def outcomes(scores: Sequence[Score]) -> list[str]:
    return [str(score.outcome) for score in scores]


class Local:
    """A verifier that runs in this process and can raise."""

    name: ClassVar[str] = "local"
    source: ClassVar[str] = "truth"
    isolated: ClassVar[bool] = False

    def verify(self, samples: Sequence[tuple[Problem, Completion]]) -> list[Score]:
        return ScriptedVerifier().verify(samples)


class Stubborn(Local):
    """A verifier that cannot be made."""

    def __init__(self) -> None:
        raise OSError("no licence")


@pytest.fixture
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeSpec:
    """Return a maker of specs of isolated verifiers from the body of `verify`."""

    def make(body: str, init: str = "pass", module: str = "a_verifier") -> VerifierSpec:
        (tmp_path / f"{module}.py").write_text(
            "import os, sys\n"
            "from sitool.records import Outcome, Score\n"
            "class AVerifier:\n"
            "    name, source, isolated = 'a', 'truth', True\n"
            f"    def __init__(self): {init}\n"
            f"    def verify(self, samples): {body}\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return VerifierSpec(__import__(module).AVerifier)

    return make


def test_scores_come_back_in_order() -> None:
    with Guard(SCRIPTED, 10) as guard:
        scores = guard.verify(samples("[pass]", "[score 0.25]", "[unparsed]", "[fail]"))
    assert [score.value for score in scores] == [1.0, 0.25, None, 0.0]


@pytest.mark.parametrize("spec", [SCRIPTED, VerifierSpec(Local)])
def test_one_that_raises_is_recorded_on_the_guilty_sample_only(spec: VerifierSpec) -> None:
    with Guard(spec, 10) as guard:
        scores = guard.verify(samples("[pass]", "[raise]", "[fail]"))
    assert outcomes(scores) == ["scored", "error", "scored"]
    assert scores[1].explanation == "RuntimeError: the text told the verifier to raise"
    assert scores[1].value is None


@pytest.mark.parametrize("spec", [SCRIPTED, VerifierSpec(Local)])
def test_a_score_out_of_range_is_an_error(spec: VerifierSpec) -> None:
    with Guard(spec, 10) as guard:
        scores = guard.verify(samples("[pass]", "[bad]"))
    assert outcomes(scores) == ["scored", "error"]
    assert "no valid score" in scores[1].explanation


def test_one_that_hangs_is_killed_and_only_the_guilty_sample_fails() -> None:
    with Guard(SCRIPTED, 0.8) as guard:
        guard.verify(samples("[pass]"))
        assert guard._worker
        hung = guard._worker.process
        scores = guard.verify(samples("[pass]", "[hang]", "[fail]"))
        assert hung.returncode == -9
    assert outcomes(scores) == ["scored", "error", "scored"]
    assert scores[1].explanation == "No answer within 0.2 s: stopped."


def test_many_hanging_samples_cannot_take_longer_than_a_few_limits() -> None:
    with Guard(SCRIPTED, 0.4) as guard:
        scores = guard.verify(samples(*["[hang]"] * 50))
    assert outcomes(scores) == ["error"] * 50
    said = [re.match(r"No answer within ([\d.]+) s", score.explanation) for score in scores]
    waits = [float(found[1]) for found in said if found]
    assert 0 < sum(waits) <= 2 * 0.4 + 0.01
    assert "others used up the time" in scores[-1].explanation


def test_the_worker_is_reused_and_serves_again_after_a_kill() -> None:
    with Guard(SCRIPTED, 0.8) as guard:
        guard.verify(samples("[pass]"))
        first = guard._worker
        guard.verify(samples("[fail]"))
        assert guard._worker is first
        assert outcomes(guard.verify(samples("[hang]"))) == ["error"]
        assert outcomes(guard.verify(samples("[pass]"))) == ["scored"]


def test_one_that_dies_is_recorded_on_the_guilty_sample_only() -> None:
    with Guard(SCRIPTED, 10) as guard:
        scores = guard.verify(samples("[pass]", "[die]", "[pass]"))
    assert outcomes(scores) == ["scored", "error", "scored"]
    assert scores[1].explanation == "The verifier's process died."


def test_closing_ends_the_process() -> None:
    with Guard(SCRIPTED, 10) as guard:
        guard.verify(samples("[pass]"))
        assert guard._worker
        number = guard._worker.process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_no_process_is_started_for_nothing_or_for_trusted_code() -> None:
    with Guard(SCRIPTED, 10) as guard:
        assert guard.verify([]) == []
        assert guard._worker is None
    with Guard(VerifierSpec(Local), 10) as guard:
        assert outcomes(guard.verify(samples("[pass]"))) == ["scored"]
        assert guard._worker is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return []", "0 scores for 1 samples"),
        ("return None", "TypeError"),
        ("return [0.5] * len(samples)", "no valid score: 0.5"),
        ("return [Score(Outcome.SCORED)] * len(samples)", "no valid score"),
        ("return [Score(Outcome.SCORED, float('nan'))] * len(samples)", "no valid score"),
        ("return [Score(Outcome.UNPARSED, 0.0)] * len(samples)", "no valid score"),
        ("return [Score(Outcome.SCORED, 1.0, answer=lambda: 0)] * len(samples)", "no valid score"),
        ("sys.exit('enough')", "SystemExit: enough"),
    ],
)
def test_what_breaks_the_contract_is_an_error(isolated: MakeSpec, body: str, said: str) -> None:
    with Guard(isolated(body), 10) as guard:
        scores = guard.verify(samples("one", "two"))
    assert outcomes(scores) == ["error", "error"]
    assert said in scores[0].explanation


def test_a_verifier_that_prints_disturbs_nothing(
    isolated: MakeSpec, capfd: pytest.CaptureFixture[str]
) -> None:
    body = "os.write(1, b'noise'); return [Score(Outcome.SCORED, 1.0)] * len(samples)"
    with Guard(isolated(body), 10) as guard:
        assert outcomes(guard.verify(samples("one"))) == ["scored"]
    assert capfd.readouterr().out == ""


def test_a_verifier_that_cannot_be_made_is_refused_by_name(isolated: MakeSpec) -> None:
    with pytest.raises(VerifierError, match="'a' cannot be started: ZeroDivisionError"):
        Guard(isolated("pass", init="1 / 0"), 10).verify(samples("one"))
    with pytest.raises(VerifierError, match="'local' cannot be started: OSError: no licence"):
        Guard(VerifierSpec(Stubborn), 10).verify(samples("one"))


def test_arguments_that_do_not_pickle_are_refused() -> None:
    guard = Guard(VerifierSpec(ScriptedVerifier, (lambda: 0,)), 10)
    with pytest.raises(VerifierError, match=r"cannot be started: .*[Pp]ickl"):
        guard.verify(samples("one"))


def test_a_spec_by_name_takes_the_task() -> None:
    spec = verifier_spec("truth", None)  # type: ignore[arg-type]
    assert spec.part is TruthVerifier
    with pytest.raises(UnknownNameError, match="Did you mean 'truth'"):
        verifier_spec("thruth", None)  # type: ignore[arg-type]


def test_the_callers_script_is_not_run_again_and_nothing_heavy_is_loaded(
    isolated: MakeSpec,
    tmp_path: Path,
) -> None:
    isolated(
        "return [Score(Outcome.UNPARSED, explanation=str(sorted("
        "{'torch', 'transformers', 'peft'} & set(sys.modules))))]"
    )
    script = tmp_path / "script.py"
    script.write_text(
        "print('once')\n"
        "from a_verifier import AVerifier\n"
        "from sitool.records import Completion, Problem\n"
        "from sitool.verifiers.guard import Guard, VerifierSpec\n"
        "sample = (Problem('none', 1, '?', ''), Completion((), '', 'stop', ()))\n"
        "with Guard(VerifierSpec(AVerifier), 10) as guard:\n"
        "    print(guard.verify([sample])[0].explanation)\n"
    )
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == ["once", "[]"]
