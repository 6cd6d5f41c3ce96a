"""Studies in which a model judges: what is stored, what is selected, what must not change."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from studies import contents, create, differing, first_sample, folder_state, rows, run_with_stops
from typer.testing import CliRunner

import sitool
from sitool import events, scoring
from sitool.cli.app import app
from sitool.client import Study
from sitool.errors import ConfigError, StudyError, UnknownNameError, VerifierError
from sitool.progress import Progress
from sitool.records import Outcome, Phase, passed
from sitool.store import SampleFilter

JUDGED = (
    'verifier.names=["mc", "tournament", "majority", "cot_binary", "likelihood@base"]',
    "selection.threshold=0.5",
    'evaluation.verifiers=["mc", "tournament", "likelihood", "mc@base"]',
)


def scores(study: Study, number: int, role: str = "train") -> dict[str, int]:
    """Count a round's scores by verifier."""
    found = rows(
        study.folder,
        "SELECT c.verifier, count(*) FROM scores c JOIN samples s ON s.id = c.sample"
        " WHERE s.round = :number AND s.role = :role GROUP BY c.verifier",
        number=number,
        role=role,
    )
    return dict(found)


@pytest.fixture
def judged(tmp_path: Path) -> Study:
    study = create(tmp_path / "study", *JUDGED)
    study.run(1)
    return study


# Inside a round.


def test_every_verifier_scores_every_sample_and_the_truth_is_measured_beside(judged: Study) -> None:
    names = {"mc", "tournament", "majority", "cot_binary", "likelihood@base", "truth"}
    assert scores(judged, 1) == dict.fromkeys(names, 96)
    held_out = {"mc", "tournament", "likelihood", "mc@base", "truth"}
    assert scores(judged, 0, "sampled") == dict.fromkeys(held_out, 96)
    assert scores(judged, 1, "greedy") == dict.fromkeys(held_out - {"tournament"}, 48)


def test_selection_goes_by_the_judge_and_never_by_the_measured_truth(judged: Study) -> None:
    samples = list(judged.round(1).samples())
    by_problem: dict[int, list[float]] = {}
    for sample in samples:
        by_problem.setdefault(sample.position, []).append(sample.scores["mc"].value or 0)
        if sample.accepted:
            assert (sample.scores["mc"].value or 0) >= 0.5
            assert sample.rule.startswith("score 0.")
    wrong = [s for s in samples if s.accepted and not s.scores["truth"].passed]
    assert wrong, "a judge that errs lets some wrong ones in"
    kept = {s.position for s in samples if s.accepted}
    assert kept == {p for p, values in by_problem.items() if max(values) >= 0.5}


def test_a_rounds_success_is_what_the_truth_says(judged: Study) -> None:
    samples = list(judged.round(1).samples())
    right = sum(s.scores["truth"].passed for s in samples)
    assert judged.round(1).summary().success[0].value == pytest.approx(right / len(samples))


def test_without_the_truth_success_is_what_the_first_verifier_says(tmp_path: Path) -> None:
    study = create(tmp_path / "study", *JUDGED, "verifier.measure=[]")
    study.run(1)
    assert "truth" not in scores(study, 1)
    assert study.round(1).summary().success[0].value == 0.0  # A belief is never quite 1.


def test_lists_and_filters_show_what_the_truth_says(judged: Study) -> None:
    lines = judged._store.samples.lines([s.id for s in judged.round(1).samples()])
    right = {s.id for s in judged.round(1).samples() if s.scores["truth"].passed}
    assert {line.id for line in lines if line.passed} == right
    assert {s.id for s in judged.round(1).samples(passed=True)} == right
    assert judged._store.samples.count(SampleFilter(round=1, passed=False)) == 96 - len(right)


def test_each_score_keeps_how_it_was_asked(judged: Study) -> None:
    asked = judged.round(1).judges()
    assert {name for name, _ in asked} == {
        "mc", "tournament", "cot_binary", "likelihood@base", "likelihood", "mc@base"
    }  # fmt: skip
    assert asked["mc", "train"]["round"] == 0
    assert asked["mc", "evaluation"]["round"] == 1
    assert "{completion}" in asked["cot_binary", "train"]["prompt"]
    assert asked["cot_binary", "train"]["temperature"] == 0.7


@pytest.mark.parametrize("size", [1, 7, 10, 95, 512])
def test_no_chunk_cuts_a_problem(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "VERIFY_CHUNK", size)
    study = create(tmp_path / "study", 'verifier.names=["majority"]', "draw.samples=5")
    ends = [e.done for e in study.stream_rounds(1) if isinstance(e, events.SamplesScored)
            and e.verifier == "majority"]  # fmt: skip
    assert ends[-1] == 120
    assert all(done % 5 == 0 for done in ends)
    expected = create(tmp_path / "whole", 'verifier.names=["majority"]', "draw.samples=5")
    monkeypatch.undo()
    expected.run(1)
    assert contents(study.folder)["scores"] == contents(expected.folder)["scores"]


def test_stopping_between_any_two_events_changes_no_judgement(tmp_path: Path) -> None:
    whole = create(tmp_path / "whole", *JUDGED)
    whole.run(1)
    study = create(tmp_path / "study", *JUDGED)
    run_with_stops(study, 1, every=23)
    assert differing(contents(whole.folder), contents(study.folder)) == []


def test_a_redo_keeps_the_judgements(judged: Study) -> None:
    twin = judged.redo(1)
    judged.run(1)
    assert scores(judged, twin.number) == scores(judged, 1)
    ours, theirs = (judged.round(n).judges()["mc", "train"] for n in (1, twin.number))
    assert ours == theirs


def test_a_judge_of_a_round_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path) -> None:
    study = create(tmp_path / "study", 'verifier.names=["mc@7"]')
    study.run(0)
    with pytest.raises(StudyError, match="There is no round 7; known: 0 to 1"):
        study.step()
    study.undo()
    study.configure('verifier.names=["mc@0"]')
    assert study.step().record.finished


def test_rounds_of_other_models_judge_as_they_would_themselves(tmp_path: Path) -> None:
    """Round 2's samples were written by round 1's model: to name it changes nothing."""
    study = create(tmp_path / "study")
    study.run(1)
    study.configure('verifier.names=["mc", "mc@1", "mc@0", "mc@base"]')
    study.run(1)
    for sample in study.round(2).samples():
        ours = {name: score.value for name, score in sample.scores.items()}
        assert ours["mc"] == ours["mc@1"]
        assert ours["mc@0"] == ours["mc@base"]
    assert any(s.scores["mc"].value != s.scores["mc@0"].value for s in study.round(2).samples())


def test_cross_asks_the_model_that_the_settings_name(tmp_path: Path) -> None:
    study = create(
        tmp_path / "study",
        'verifier.names=["cross", "mc@base"]',
        "cross.round=0",
        "draw.problems=8",
    )
    study.run(2)
    for sample in study.round(2).samples():
        assert sample.scores["cross"].value == sample.scores["mc@base"].value
    assert study.round(2).judges()["cross", "train"]["round"] == 0
    adapter = study.folder / "adapters" / "r0001"
    study.configure("cross.round=-1", f"cross.adapter={adapter}", "cross.verifier=likelihood")
    study.measure(0, ["cross", "likelihood@1"])
    for sample in study.round(0).samples(role="sampled"):
        assert sample.scores["cross"].value == sample.scores["likelihood@1"].value
        assert sample.scores["cross"].explanation.startswith("The other model gives")
    study.configure("cross.adapter=/nowhere")
    with pytest.raises(StudyError, match="when it was asked otherwise"):
        study.measure(0, ["cross"])
    with pytest.raises(sitool.SitoolError, match="/nowhere"):
        study.measure(1, ["cross"])


# Of a finished round.


def test_measuring_adds_scores_and_changes_nothing_else(study: Study) -> None:
    before = folder_state(study.folder)
    study.measure(1, ["mc", "likelihood@base", "mc@2", "majority", "tournament"])
    after = folder_state(study.folder)
    assert set(before.pop("scores")) < set(after.pop("scores"))
    assert before == after
    assert scores(study, 1, "sampled") == dict.fromkeys(
        ("truth", "mc", "likelihood@base", "mc@2", "majority", "tournament"), 96
    )
    assert set(scores(study, 1)) == {"truth"}
    assert scores(study, 1, "greedy") == dict.fromkeys(
        ("truth", "mc", "likelihood@base", "mc@2"), 48
    )


def test_measuring_training_samples_is_asked_for(study: Study) -> None:
    study.measure(2, ["mc"], training=True)
    assert scores(study, 2)["mc"] == 96
    study.measure(0, ["mc"], training=True)
    assert scores(study, 0, "sampled")["mc"] == 96


def test_measuring_again_scores_nothing_twice(study: Study) -> None:
    study.measure(1, ["mc"])
    before = folder_state(study.folder)
    happened = list(study.stream_measurement(1, ["mc"]))
    assert [type(event) for event in happened] == [events.RoundJudged]
    assert folder_state(study.folder) == before


def test_a_stopped_measurement_goes_on_where_it_stood(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "VERIFY_CHUNK", 10)
    stream = study.stream_measurement(1, ["mc", "cot_score"])
    done = [next(stream) for _ in range(7)]
    stream.close()  # type: ignore[attr-defined]
    assert all(isinstance(event, events.SamplesScored) for event in done)
    half = set(rows(study.folder, "SELECT * FROM scores"))
    study.measure(1, ["mc", "cot_score"])
    found = set(rows(study.folder, "SELECT * FROM scores"))
    assert half < found
    assert scores(study, 1, "sampled")["cot_score"] == 96


def test_a_stop_from_elsewhere_leaves_the_measurement_as_it_stands(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "VERIFY_CHUNK", 10)
    seen = 0
    for event in study.stream_measurement(1, ["mc"]):
        seen += isinstance(event, events.SamplesScored)
        if seen == 2:
            study.stop()
    assert seen == 2
    study.measure(1, ["mc"])
    assert scores(study, 1, "sampled")["mc"] == 96


@pytest.mark.parametrize(
    ("number", "names", "error", "sentence"),
    [
        (9, ["mc"], StudyError, "There is no round 9; known: 0 to 2."),
        (1, ["cmc"], UnknownNameError, "No verifier is named 'cmc'. Did you mean 'mc'?"),
        (1, ["truth@base"], VerifierError, "the verifier 'truth' asks no round's model"),
        (1, ["human"], VerifierError, "'human' cannot be named as a verifier"),
        (1, ["mc@9"], StudyError, "There is no round 9; known: 0 to 2."),
        (1, [], VerifierError, "names no verifiers; known: truth, mc"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(
    study: Study, number: int, names: list[str], error: type[Exception], sentence: str
) -> None:
    before = folder_state(study.folder)
    with pytest.raises(error) as caught:
        study.measure(number, names)
    assert sentence in str(caught.value)
    assert folder_state(study.folder) == before


def test_a_round_under_way_is_not_measured(study: Study) -> None:
    study.step(to="verify")
    with pytest.raises(StudyError, match="r0003 is not finished"):
        study.measure(3, ["mc"])
    with pytest.raises(StudyError, match="r0003 is not finished, so its model cannot judge"):
        study.measure(1, ["mc@3"])


@pytest.mark.parametrize("body", [{}, {"round": 1}, {"round": 1, "verifiers": "mc"},
                                  {"round": 1, "verifiers": [3]}, {"round": "1", "verifiers": []},
                                  {"round": 1, "verifiers": ["mc"], "training": 2}])  # fmt: skip
def test_a_bad_command_is_an_event_and_no_dead_engine(study: Study, body: dict[str, Any]) -> None:
    with pytest.raises(sitool.SitoolError):
        list(study._commands.stream("measure", body))
    assert study.step().record.finished


def test_other_words_are_not_put_under_the_same_name(study: Study) -> None:
    study.measure(1, ["mc"])
    study.configure("judge.correct=Yes", "judge.incorrect=No")
    with pytest.raises(StudyError) as caught:
        study.measure(1, ["mc"])
    assert caught.value.message == (
        "'mc' has scored r0001 when it was asked otherwise (correct, incorrect), and scores"
        " never change."
    )
    study.measure(2, ["mc"])
    assert study.round(2).judges()["mc", "evaluation"]["correct"] == "Yes"
    assert "gives 'Yes'" in first_sample(study, 2, role="sampled").scores["mc"].explanation


def test_progress_of_a_measurement_says_what_is_done(study: Study) -> None:
    progress = Progress(lambda number: {})
    for event in study.stream_measurement(1, ["mc"]):
        progress.follow(event)
    assert progress.line().startswith("r0001  verifying  144/144 scored by mc")


def test_the_command_line_measures(study: Study) -> None:
    run: Callable[..., Any] = CliRunner().invoke
    said = run(app, ["measure", str(study.folder), "--round", "1", "-v", "mc", "-v", "majority"])
    assert said.exit_code == 0
    assert "majority" in said.output
    figures = json.loads(
        run(app, ["measure", str(study.folder), "-v", "mc", "-v", "cot_score", "--json"]).output
    )
    assert [(f["verifier"], f["round"]) for f in figures] == [("mc", 2), ("cot_score", 2)]
    assert figures[0]["scored"] == 96
    assert figures[1]["scored"] + figures[1]["unparsed"] == 96
    assert isinstance(run(app, ["measure", str(study.folder), "-v", "mcc"]).exception,
                      UnknownNameError)  # fmt: skip


def test_an_older_study_is_measured_too(study: Study) -> None:
    """Format 2 had no table of what judges were asked."""
    folder = study.folder
    study.close()
    import sqlite3

    with sqlite3.connect(folder / "study.db") as old:
        old.execute("DROP TABLE judges")
        old.execute("DROP TABLE pairs")
        old.execute("UPDATE meta SET value = '2' WHERE key = 'format'")
    old.close()
    again = sitool.open(folder)
    again.measure(1, ["mc"])
    assert ("mc", "evaluation") in again.round(1).judges()
    again.close()


# On the real base.

REAL_JUDGES = (
    'verifier.names=["mc", "mc@base", "tournament", "majority", "cot_binary", "likelihood",'
    ' "likelihood_per_token"]',
    'evaluation.verifiers=["mc", "likelihood", "likelihood@base"]',
    "curriculum.highest=4",
    "evaluation.highest=4",
    "draw.problems=24",
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = create(tmp_path_factory.mktemp("real") / "study", *REAL_JUDGES, real=True)
    study.run(1)
    return study


def test_the_real_base_tells_right_from_wrong(real: Study) -> None:
    real.measure(0, ["mc", "cot_binary"])
    found = list(real.round(0).samples(role="sampled"))
    right = [s.scores["mc"].value or 0 for s in found if passed(s.scores)]
    wrong = [s.scores["mc"].value or 0 for s in found if not passed(s.scores)]
    assert sum(right) / len(right) > sum(wrong) / len(wrong) + 0.2
    said = [s.scores["cot_binary"].outcome for s in found]
    assert said.count(Outcome.SCORED) > 0.8 * len(said)
    asked = real.round(0).judges()["mc", "evaluation"]
    assert asked["prompt"] == "{prompt}{completion}?"


def test_the_real_likelihood_is_what_was_sampled(real: Study) -> None:
    for sample in real.round(1).samples(role="sampled"):
        logprob = sample.completion.logprob
        assert logprob is not None
        value = sample.scores["likelihood"].value
        assert value is not None
        assert value == pytest.approx(2.718281828459045**logprob, rel=1e-6)
        assert value != sample.scores["likelihood@base"].value


def test_the_parent_judges_in_verify_and_the_round_itself_in_the_evaluation(real: Study) -> None:
    """Round 1's parent is the base, and its own model is not."""
    for sample in real.round(1).samples():
        assert sample.scores["mc"].value == sample.scores["mc@base"].value
    real.measure(1, ["mc@1", "mc@0"])
    found = list(real.round(1).samples(role="sampled"))
    assert all(s.scores["mc"].value == s.scores["mc@1"].value for s in found)
    assert any(s.scores["mc"].value != s.scores["mc@0"].value for s in found)


def test_judging_leaves_the_training_as_it_was(real: Study, tmp_path: Path) -> None:
    """With the threshold at 0 all samples count, whoever scores them."""
    plain = create(tmp_path / "study", *REAL_JUDGES[2:], real=True)
    plain.run(1)
    assert contents(plain.folder)["samples"] == contents(real.folder)["samples"]
    assert contents(plain.folder)["adapters"] == contents(real.folder)["adapters"]


def test_another_base_judges(real: Study) -> None:
    real.configure("cross.base=tiny-weak")
    real.measure(0, ["cross"])
    asked = real.round(0).judges()["cross", "evaluation"]
    assert asked["base"] == "tiny-weak"
    assert asked["round"] == -1
    real.configure("cross.base=scripted")
    with pytest.raises(ConfigError, match=r"cross\.base is 'scripted'"):
        real.measure(1, ["cross"])
    real.configure("cross.base=")


def test_words_that_begin_alike_are_refused(real: Study) -> None:
    real.configure("judge.correct=right", "judge.incorrect=rotten")
    with pytest.raises(VerifierError, match="begins 'right' and 'rotten' with the same token"):
        real.measure(0, ["mc@1"])
    real.configure("judge.correct=Correct", "judge.incorrect=Incorrect")


def test_a_phase_is_timed(real: Study) -> None:
    assert real.round(1).summary().seconds_by_phase[Phase.VERIFY] > 0
