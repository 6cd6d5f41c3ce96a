"""The theory over a real study: what is read, what is predicted, and what came."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from command_line import command
from studies import create

from sitool import lab, theory
from sitool.client import Study
from sitool.errors import StudyError, UnknownNameError
from sitool.overlay import Lens, lay_over
from sitool.prediction import FittedRound, Step, fit_prior, predict


def fitted(skill: float, lengths: list[int], asked: int, number: int = 0) -> FittedRound:
    """A round whose measured success is exactly a shared skill's."""
    right = [round(asked * skill**length) for length in lengths]
    counts = lab.Counts(lengths, right, [asked] * len(lengths))
    accuracy = sum(right) / (asked * len(lengths))
    return FittedRound(number, lengths, counts, lab.fit("shared", counts), accuracy, 0)


def test_what_is_read_is_what_was_measured(study: Study) -> None:
    found = study.theory()
    summary = study.summary()
    assert [here.round for here in found.rounds] == [0, 1, 2]
    for here in found.rounds:
        known = summary.round(here.round).accuracy
        assert list(here.levels) == sorted(level for level in known if level)
        for level, share, asked in zip(here.levels, here.measured, here.counts.asked, strict=True):
            assert share == pytest.approx(known[level].value)
            assert asked == known[level].n
        assert here.accuracy == known[0].value
    assert [(one.start, one.round) for one in found.predictions] == [(0, 1), (1, 2)]
    for one in found.predictions:
        assert dict(one.problems) == dict(summary.round(one.round or 0).levels)
        after = found.rounds[one.round or 0]
        np.testing.assert_array_equal(one.measured, after.measured)


def test_the_next_round_is_predicted_by_its_own_plan_and_then_measured(study: Study) -> None:
    before = study.theory()
    assert before.next is not None
    assert dict(before.next.problems) == {k: n for k, n in study.plan().problems.items() if n}
    assert np.isnan(before.next.measured).all()
    study.step()
    after = study.theory().predictions[-1]
    np.testing.assert_array_equal(after.mean, before.next.mean)
    np.testing.assert_array_equal(after.low, before.next.low)
    assert np.isfinite(after.measured).all()
    assert after.round == 3


def test_a_round_that_is_not_the_head_has_no_next(study: Study) -> None:
    found = study.theory(1)
    assert found.next is None
    assert [here.round for here in found.rounds] == [0, 1]


def test_only_the_base_still_has_a_fit_and_a_prediction(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    with pytest.raises(StudyError, match="not measured"):
        study.theory()
    study.run(0)
    found = study.theory()
    assert len(found.rounds) == 1
    assert found.predictions == []
    assert found.coverage == (0, 0)
    assert found.next is not None
    assert found.next.prior == lab.PRIOR
    assert "No round was stepped" in theory.reading_of_coverage(found)
    study.close()


def test_a_prediction_follows_the_laboratory_law() -> None:
    lengths, asked = [1, 2, 4], 10**6  # so many that the fitted skill is known
    here = fitted(0.6, lengths, asked)
    problems, lens = {1: 8, 2: 8, 3: 8}, Lens(runs=2000, lengths={1: 1, 2: 2, 3: 4})
    here = replace(here, levels=[1, 2, 3])
    ours = Step(here, here, problems, 4, "parent").play(lens, 20.0, 0, 1000)
    theirs = lab.simulate(
        lab.SharedSkill(0.6, lengths), "uniform", prompts=24, responses=4, rounds=1, runs=1000
    ).success[1]
    error = np.sqrt(ours.var(axis=0) / len(ours) + theirs.var(axis=0) / len(theirs))
    assert (abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4 * error + 1e-3).all()
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.15)


@pytest.mark.parametrize("model", lab.MODELS)
def test_bands_hold_what_the_learner_does(model: str) -> None:
    """Studies whose learner is the simulated one: 95 % of what they measure is in the band."""
    lengths, asked = [1, 2, 4], 40
    rng = np.random.default_rng(3)
    lens = Lens(model=model, prior=50.0, runs=400, lengths={1: 1, 2: 2, 3: 4})
    inside = known = 0
    for _ in range(120):
        right = rng.binomial(asked, 0.7 ** np.array(lengths))
        counts = lab.Counts(lengths, right, [asked] * 3)
        here = FittedRound(0, [1, 2, 3], counts, lab.fit(model, counts, draws=400), 0.5, 0)
        made = predict(Step(here, here, {1: 10, 2: 10, 3: 10}, 2, "parent"), lens, 50.0)
        if model == "tabular":
            truth = lab.Tabular(0.7, lengths, prompts=1, prior=50.0)
            state = truth.start(1)
        else:
            truth = lab.make_learner(model, 0.7, lengths, 50.0)
            state = truth.start(1)
        after, _ = truth.learn(state, state, np.full((1, 3), 10), 2, rng)
        seen = rng.binomial(asked, truth.success(after)[0]) / asked
        inside += int(((made.low <= seen) & (seen <= made.high)).sum())
        known += 3
    # The skill is fitted to what it was drawn for, so bands are a little wide: never narrow.
    assert inside >= 0.95 * known - 4 * (known * 0.95 * 0.05) ** 0.5


def test_the_pace_is_fitted_to_steps_before() -> None:
    lengths = [1, 2, 4]
    lens = Lens(lengths={1: 1, 2: 2, 3: 4})
    for prior in (20.0, 2000.0):
        here = replace(fitted(0.6, lengths, 2000), levels=[1, 2, 3])
        step = Step(here, here, {1: 20, 2: 20, 3: 20}, 4, "parent")
        success = step.play(lens, prior, 5).mean(axis=0)
        skill = float(success[0])
        after = replace(fitted(skill, lengths, 2000, 1), levels=[1, 2, 3])
        assert prior / 2 < fit_prior([(step, after)], lens) < 2 * prior
    assert fit_prior([], lens) == lab.PRIOR


def test_a_step_from_the_base_forgets_what_came_between() -> None:
    lengths = [1, 2]
    base, here = fitted(0.3, lengths, 1000), fitted(0.9, lengths, 1000, 3)
    lens = Lens()
    nothing = {1: 1}
    stays = Step(here, base, nothing, 1, "parent").play(lens, 1000.0, 0).mean(axis=0)
    falls = Step(here, base, nothing, 1, "base").play(lens, 1000.0, 0).mean(axis=0)
    np.testing.assert_allclose(stays, [0.9, 0.81], atol=0.02)
    np.testing.assert_allclose(falls, [0.3, 0.09], atol=0.02)


def test_nothing_solved_predicts_next_to_nothing() -> None:
    counts = lab.Counts([4, 8], [0, 0], [30, 30])
    for model in lab.MODELS:
        here = FittedRound(0, [4, 8], counts, lab.fit(model, counts), 0.0, 0)
        made = predict(Step(here, here, {4: 8, 8: 8}, 4, "parent"), Lens(model=model), 20.0)
        assert (made.mean < 0.2).all()
        assert (made.low == 0).all()


def test_a_level_that_is_drawn_but_not_measured_teaches_as_well() -> None:
    here = fitted(0.7, [1, 2], 200)
    lens = Lens(prior=20.0)
    alone = Step(here, here, {1: 5}, 4, "parent").play(lens, 20.0, 0).mean(axis=0)
    more = Step(here, here, {1: 5, 4: 40}, 4, "parent").play(lens, 20.0, 0).mean(axis=0)
    assert (more > alone + 0.02).all()


def test_the_map_and_its_fixed_points_are_the_bound(study: Study) -> None:
    found = study.theory().feedback
    b = float(lab.feedback_strength(1e4, 0.1, found.draws))
    assert found.draws == sum(study.plan().problems.values()) * study.settings.draw.samples
    np.testing.assert_allclose(found.floor[50], max(0.0, 1 - b / 0.5))
    if b <= 0.25:
        assert found.upper * found.lower == pytest.approx(b)
    else:
        assert np.isnan(found.upper)
    accuracies = [here.accuracy for here in study.theory().rounds]
    assert [point[1:] for point in found.points] == list(pairwise(accuracies))


def test_sampled_success_is_another_measure(study: Study) -> None:
    found = study.theory(lens=Lens(measure="sampled"))
    known = study.summary().round(0).pass_at_k[1]
    assert found.rounds[0].accuracy == known[0].value
    with pytest.raises(UnknownNameError):
        Lens(measure="guess")  # type: ignore[arg-type]


def test_what_does_not_fit_is_said_in_words() -> None:
    counts = lab.Counts([1, 2, 4], [10, 20, 38], [40, 40, 40])
    here = FittedRound(2, [1, 2, 4], counts, lab.fit("shared", counts), 0.5, 0)
    words = theory.reading_of_fit(here, "shared")
    assert "one shared skill does not fit" in words
    assert "Level 1 is solved less than that says: 0.25 of 40" in words
    assert "nothing could disagree" in theory.reading_of_fit(here, "tabular")


def test_a_tip_without_a_round_is_refused(study: Study) -> None:
    with pytest.raises(StudyError, match="no round 9"):
        lay_over(study.summary(), 9)


def test_the_command_prints_and_writes_what_the_library_says(
    study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*words: object) -> str:
        said = command(monkeypatch, capsys, "lab", "overlay", study.folder, *words)
        assert said.code == 0, said.err
        return said.out

    found = study.theory()
    assert json.loads(run("--json")) == json.loads(json.dumps(found.to_json()))
    out = run("-o", tmp_path / "over.csv")
    assert "next round, predicted from r0002" in out
    assert theory.reading_of_coverage(found) in out
    assert out.count("Assumes: ") == 1
    lines = (tmp_path / "over.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + sum(len(here.levels) for here in found.rounds)
    run("-o", tmp_path / "f.svg", "--chart", "feedback", "--model", "chain", "--lengths", "1=1")
    assert "J_{t+1}" in (tmp_path / "f.svg").read_text(encoding="utf-8")
