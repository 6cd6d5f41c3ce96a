"""A report against figures worked out by hand, and read from a real study."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies import create, rows

from sitool import lab
from sitool.client import Study
from sitool.errors import ConfigError, StudyError
from sitool.records import Outcome, Score
from sitool.sharpening import sentences
from sitool.sharpening.figures import Resamples
from sitool.sharpening.pool import NOT_READ, Pool
from sitool.sharpening.reading import read_pool
from sitool.sharpening.report import UNKNOWN, SharpeningReport, Targets, make_report

NAN = float("nan")


def pool_of(**changes: Any) -> Pool:
    """Return three problems with two samples each; nothing is cut off."""
    made: dict[str, Any] = {
        "levels": [1, 1, 2],
        "right": [[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]],
        "logprobs": [[-2.0, -1.0], [-0.5, -0.25], [-3.0, -4.0]],
        "lengths": [[2.0, 4.0], [2.0, 1.0], [3.0, 2.0]],
        "ended": [[True, True]] * 3,
        "answers": [[0, 1], [0, 0], [NOT_READ, 0]],
        "greedy_right": [1.0, 0.0, 0.0],
        "greedy_logprobs": [-1.0, -1.0, -2.0],
        "greedy_own": [math.log(0.95), math.log(0.99), math.log(0.5)],
        "best_logprobs": [-1.0, -0.25, -2.0],
        "greedy_is_best": [True, False, True],
    }
    return Pool(**{name: np.array(value) for name, value in {**made, **changes}.items()})


def report_of(pool: Pool, **targets: float) -> SharpeningReport:
    return make_report(pool, 0, {}, Targets(**targets), seed=0)


def test_every_figure_is_the_one_worked_out_by_hand() -> None:
    report = report_of(pool_of())
    first, whole = report.best_of_n["likelihood"]
    assert (first.n, whole.n) == (1, 2)
    assert first.accuracy.value == pytest.approx((0.5 + 1 + 0) / 3)
    assert whole.accuracy.value == pytest.approx(2 / 3)
    assert whole.lift is not None
    assert whole.lift.value == pytest.approx(100 * (2 / 3 - 1 / 3) / (1 / 3))
    assert whole.logprob is not None
    assert whole.logprob.value == pytest.approx((-1 - 0.25 - 3) / 3)
    assert whole.logprob_lift is not None
    assert whole.logprob_lift.value == pytest.approx(-100 * (4.25 - 4) / 4)
    # A token: -1/4 beats -1, -1/4 ties with -1/4 (first seen), -1 beats -2.
    each = report.best_of_n["likelihood_per_token"][1]
    assert each.logprob is not None
    assert each.logprob.value == pytest.approx((-1 - 0.5 - 3) / 3)
    assert [p.accuracy.value for p in report.best_of_n["majority"]] == pytest.approx([0.5, 1 / 3])
    assert [a.value for a in report.pass_at_k.values()] == pytest.approx([0.5, 2 / 3])
    assert report.greedy_accuracy.value == pytest.approx(1 / 3)
    assert report.sharpened is not None
    assert (report.sharpened.value, report.sharpened.n) == (pytest.approx(1 / 3), 3)
    assert report.coverage is not None
    assert report.coverage.value == pytest.approx((math.e + math.exp(0.25) + math.exp(2)) / 3)
    assert report.coverage_median == pytest.approx(math.e)
    assert report.histogram is not None
    assert sum(report.histogram.right) == 3
    assert sum(report.histogram.wrong) == 3
    assert report.histogram.mean_right == pytest.approx(-1.75 / 3)
    assert report.left_out == {}
    assert report.cut_off == 0


def test_what_is_asked_of_the_theory_is_asked_with_these_targets() -> None:
    report = report_of(pool_of(), delta=0.2, epsilon=0.25, rho=0.05, constant=2)
    assert report.asked is not None
    assert report.coverage is not None
    assert report.asked.samples == pytest.approx(
        float(lab.sft_responses(report.coverage.value, 0.2, 0.25, 2))
    )
    assert report.asked.best_of_n == math.ceil(math.log(20) * math.e)
    assert report.asked.prompts == pytest.approx(float(lab.sft_prompts(1e4, 0.05, 0.2, 0.25, 2)))


def test_adaptive_n_is_held_against_the_fixed_n_that_is_as_good() -> None:
    """mu = 1: the second problem stops at once, and the likeliest of both is met in each."""
    report = report_of(pool_of(), delta=0.4999)
    assert report.adaptive is not None
    assert report.adaptive.drawn.value == pytest.approx(2)
    quick = report_of(pool_of(logprobs=[[-0.01, -9.0]] * 3), delta=0.4)
    assert quick.adaptive is not None
    assert quick.adaptive.mu == pytest.approx(math.log(5))
    assert quick.adaptive.drawn.value == pytest.approx(2)
    assert quick.adaptive.equal_n == pytest.approx(2, abs=0.01)
    assert quick.adaptive.saved == pytest.approx(0, abs=0.01)


def test_a_sample_that_was_cut_off_is_chosen_last() -> None:
    report = report_of(pool_of(ended=[[True, False]] * 3))
    whole = report.best_of_n["likelihood"][1]
    assert whole.accuracy.value == pytest.approx(1 / 3)
    assert report.cut_off == pytest.approx(0.5)


def test_without_log_probabilities_there_is_no_choice_by_likelihood() -> None:
    nothing = np.full((3, 2), NAN).tolist()
    report = report_of(pool_of(logprobs=nothing, greedy_logprobs=[NAN] * 3))
    assert list(report.best_of_n) == ["majority"]
    assert report.adaptive is report.histogram is report.greedy_logprob is None
    assert report.left_out == {UNKNOWN: 3}
    assert report.best_of_n["majority"][1].logprob is None
    assert "likelihood_per_token@base" in sentences.on_missing(report, "DIR")


def test_a_problem_without_log_probabilities_is_counted_and_left_out() -> None:
    report = report_of(pool_of(logprobs=[[-2.0, -1.0], [NAN, -0.25], [-3.0, -4.0]]))
    assert report.left_out == {UNKNOWN: 1}
    assert report.best_of_n["likelihood"][1].accuracy.n == 2
    assert report.best_of_n["majority"][1].accuracy.n == 3


@pytest.mark.parametrize("worth", [0.0, 1.0])
def test_all_right_and_all_wrong_have_figures(worth: float) -> None:
    pool = pool_of(right=np.full((3, 2), worth).tolist(), greedy_right=[worth] * 3)
    report = report_of(pool)
    for points in report.best_of_n.values():
        for point in points:
            assert point.accuracy.value == worth
            assert point.accuracy.low < point.accuracy.high
            assert (point.lift is None) == (worth == 0)
    assert json.dumps(report.to_json())


def test_one_problem_with_one_sample_has_figures_without_bounds() -> None:
    whole = pool_of()
    one = whole.where(np.array([True, False, False]))
    narrow = Pool(**{name: getattr(one, name)[:, :1] if getattr(one, name).ndim == 2
                     else getattr(one, name) for name in one.__slots__})  # fmt: skip
    report = report_of(narrow)
    (point,) = report.best_of_n["likelihood"]
    assert (point.n, point.accuracy.value) == (1, 0.0)
    plain = report.to_json()
    assert plain["best_of_n"]["likelihood"][0]["logprob"]["low"] is None
    assert plain["best_of_n"]["likelihood"][0]["logprob"]["value"] == -2.0


def test_an_interval_of_a_lift_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        greedy = (rng.random(150) < 0.5).astype(float)
        chosen = np.where(rng.random(150) < 0.8, greedy, rng.random(150) < 0.7)
        lift = Resamples.draw(150, trial).percent_lift(chosen, greedy)
        assert lift is not None
        held += lift.low <= 100 * (0.8 * 0.5 + 0.2 * 0.7 - 0.5) / 0.5 <= lift.high
    assert 0.9 <= held / 200 <= 0.99


def test_the_same_problems_on_both_sides_make_a_lift_surer() -> None:
    rng = np.random.default_rng(0)
    greedy = (rng.random(100) < 0.5).astype(float)
    both = Resamples.draw(100, 0)
    paired = both.percent_lift(greedy, greedy)
    apart = both.percent_lift(rng.permutation(greedy), greedy)
    assert paired is not None
    assert apart is not None
    assert paired.high - paired.low < 1e-9
    assert apart.high - apart.low > 20


# From a study.


def test_the_pool_of_the_base_is_what_it_drew(study: Study) -> None:
    pool = read_pool(study._store, study.round(0).record).pool
    drawn = list(study.round(0).samples(role="sampled"))
    assert (pool.problems, pool.samples) == (len(drawn) // 2, 2)
    for number, sample in enumerate(drawn):
        row, column = divmod(number, 2)
        assert pool.right[row, column] == sample.scores["truth"].passed
        assert pool.levels[row] == sample.problem.level
        assert pool.lengths[row, column] == len(sample.completion.token_ids)
    logprobs = [sample.completion.logprob for sample in drawn]
    assert pool.logprobs.flatten().tolist() == pytest.approx(logprobs, abs=1e-4)


def tell(study: Study, number: int, verifier: str) -> None:
    """Score a round's held-out samples as a verifier of that name would."""
    for role in ("sampled", "greedy"):
        samples = list(study.round(number).samples(role=role))
        scores = [
            (s.id, Score(Outcome.SCORED, math.exp(-1.5 / (1 if "token" not in verifier else
                                                          len(s.completion.token_ids)))))
            for s in samples
        ]  # fmt: skip
        study._store.samples.add_scores(verifier, scores)


@pytest.mark.parametrize("verifier", ["likelihood@base", "likelihood_per_token@base"])
def test_a_later_round_has_the_bases_log_probabilities_from_a_verifier(
    study: Study, verifier: str
) -> None:
    before = study.sharpening(1)
    assert "likelihood" not in before.best_of_n
    assert before.sharpened is not None
    tell(study, 1, verifier)
    report = study.sharpening(1)
    assert report.left_out == {}
    for point in report.best_of_n["likelihood"]:
        assert point.logprob is not None
        assert point.logprob.value == pytest.approx(-1.5)


def test_a_study_is_told_by_level_and_the_same_each_time(study: Study) -> None:
    levels = study.task.levels
    reports = [study.sharpening(0, level=level) for level in levels]
    assert sum(r.problems for r in reports) == study.sharpening(0).problems
    assert study.sharpening().round == study.head.number if study.head else False
    assert study.sharpening(0).to_json() == study.sharpening(0).to_json()


def test_a_problem_whose_truth_failed_is_left_out_and_counted(study: Study) -> None:
    sample = next(iter(study.round(0).samples(role="sampled")))
    study._store._database.execute(
        "UPDATE scores SET outcome = 'error', value = NULL WHERE sample = ?", (sample.id,)
    )
    report = study.sharpening(0)
    assert report.left_out == {"an answer of which the truth could not be told": 1}


def test_a_round_without_held_out_samples_says_what_to_do(tmp_path: Path) -> None:
    study = create(tmp_path / "study", "evaluation.samples=0")
    study.run(0)
    with pytest.raises(StudyError, match="r0000 has no problem with held-out samples") as caught:
        study.sharpening()
    assert "evaluation.samples" in caught.value.hint
    study.step(to="select")
    with pytest.raises(StudyError, match="r0001 is not evaluated yet"):
        study.sharpening(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delta", 0.5),
        ("delta", 0.0),
        ("epsilon", 1.0),
        ("rho", -1.0),
        ("constant", math.inf),
        ("class_size", 0.5),
    ],
)
def test_a_target_out_of_its_bounds_is_named(study: Study, name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{name} is"):
        study.sharpening(0, targets=Targets(**{name: value}))


def test_reading_changes_nothing(study: Study) -> None:
    tables = ("samples", "scores", "metrics", "rounds")
    before = [rows(study.folder, f"SELECT * FROM {name}") for name in tables]
    study.sharpening(0)
    assert [rows(study.folder, f"SELECT * FROM {name}") for name in tables] == before
