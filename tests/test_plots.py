"""What charts show, against the numbers of the study that they are made of."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from studies import create

import sitool
from sitool import plots, vega
from sitool.client import Study
from sitool.errors import StudyError, UnknownNameError
from sitool.gap import GapReport
from sitool.gap.report import CrossTable
from sitool.metrics import Accuracy
from sitool.models.pieces import Piece
from sitool.plots import KINDS, branches
from sitool.plots.gap import GAP_KINDS, cross_map, gap_plot
from sitool.plots.samples import MOST_SAMPLES, WIDTH, score_plot, token_strip
from sitool.plots.sharpening import SHARPENING_KINDS, sharpening_plot
from sitool.records import Completion, Outcome, Problem, Sample, Score, passed


@pytest.fixture(scope="module")
def judged(judged_rounds: Path) -> Iterator[Study]:
    """Return a study whose held-out samples judges have scored; for looking at only."""
    opened = sitool.open(judged_rounds)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def report(judged: Study) -> GapReport:
    return judged.gap()


# Rounds and branches.


@pytest.mark.parametrize("kind", KINDS)
def test_two_branches_lie_over_one_another(study: Study, kind: str) -> None:
    study.fork(1)
    study.step()
    plot = plots.overlay(study.summary(), kind, 2, 3)
    text = " ".join(line.label for line in plot.lines)
    assert "r2" in text
    assert "r3" in text
    vega.spec_of(plot)


def test_a_chart_shows_the_numbers_of_the_summary(study: Study) -> None:
    summary = study.summary()
    plot = plots.plot_of(summary, "accuracy", 2)
    first = summary.rounds[0].accuracy[1]
    assert plot.lines[0].label == "level 1"
    assert plot.lines[0].y[0] == first.value
    assert plot.lines[0].low is not None
    assert plot.lines[0].low[0] == first.low
    assert f"n={first.n}" in plot.title
    accepted = plots.plot_of(summary, "accepted", 2).lines[0]
    assert accepted.y[1:].tolist() == [r.accepted for r in summary.rounds[1:]]


def test_entropy_and_unique_answers_are_shares_of_the_most_there_can_be(study: Study) -> None:
    summary = study.summary()
    entropy, unique = plots.plot_of(summary, "entropy", 2).lines
    assert unique.y[2] == pytest.approx((summary.rounds[2].unique or 0) / 4)
    assert entropy.y[2] == pytest.approx((summary.rounds[2].entropy or 0) / np.log(4))


def test_pass_at_k_sets_the_base_against_the_shown_round(study: Study) -> None:
    plot = plots.plot_of(study.summary(), "pass_at_k", 2)
    assert [line.label for line in plot.lines] == ["r0 base", "r2"]
    assert list(plot.ticks.values()) == ["k=1", "k=2"]


def test_one_level_of_two_branches_alone(study: Study) -> None:
    plot = plots.overlay(study.summary(), "accuracy", 1, 2, level=3)
    assert "level 3" in plot.title
    assert plot.lines[1].y[-1] == study.summary().rounds[2].accuracy[3].value


def test_an_unknown_chart_or_round_is_one_sentence(study: Study) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        plots.plot_of(study.summary(), "acuracy", 2)
    with pytest.raises(StudyError, match="no round 9; known: 0 to 2"):
        plots.plot_of(study.summary(), "accuracy", 9)


@pytest.mark.parametrize(
    "make", [branches.weight_map, branches.feedback_plot, branches.branch_losses]
)
def test_the_base_alone_has_none_of_them_and_says_why(study: Study, make: Any) -> None:
    assert "step once" in make(study.summary(), 0).empty


def test_the_map_has_every_accuracy_with_its_interval(study: Study) -> None:
    summary = study.summary()
    cells = {(c.column, c.row): c for c in branches.accuracy_map(summary, 2).cells}
    measured = {(f"r{r.round.id}", str(k)) for r in summary.rounds for k in r.accuracy if k}
    assert set(cells) == measured
    found, said = summary.rounds[1].accuracy[3], cells["r1", "3"]
    assert (found.value, found.low, found.high, found.n) == (
        said.value, said.low, said.high, said.n
    )  # fmt: skip


def test_the_map_of_weights_sums_to_1_each_round(study: Study) -> None:
    cells = branches.weight_map(study.summary(), 2).cells
    for name in ("r1", "r2"):
        assert sum(c.value for c in cells if c.column == name) == pytest.approx(1)


def test_the_feedback_loop_sets_each_round_against_the_one_before(study: Study) -> None:
    summary = study.summary()
    line = branches.feedback_plot(summary, 2).lines[0]
    values = [r.accuracy[1].value for r in summary.rounds]
    assert line.x.tolist() == values[:-1]
    assert line.y.tolist() == values[1:]
    assert line.names == ("after r1", "after r2")


def test_losses_of_a_branch_end_at_their_rounds(study: Study) -> None:
    summary = study.summary()
    (line,) = branches.branch_losses(summary, 2).lines
    assert line.y.tolist() == [loss for r in summary.rounds for loss in r.losses]
    assert line.x[len(summary.rounds[1].losses) - 1] == 1
    assert line.x[-1] == 2


def test_points_and_cells_say_what_a_click_on_them_picks(study: Study) -> None:
    summary = study.summary()
    for row in vega.rows_of(plots.plot_of(summary, "accuracy", 2)):
        figure = summary.round(row["round"]).accuracy[row["level"]]
        assert row["line"] == f"level {row['level']}"
        assert (row["y"], row["n"]) == (pytest.approx(figure.value, abs=1e-6), figure.n)
        assert (row["low"], row["high"]) == pytest.approx((figure.low, figure.high), abs=1e-6)
    for row in vega.rows_of(branches.weight_map(summary, 2)):
        plan = summary.round(row["round"]).round.plan
        assert row["y"] == pytest.approx(plan.weights[row["level"]], abs=1e-6)
        assert row["n"] == plan.problems.get(row["level"], 0)
    for row in vega.rows_of(plots.plot_of(summary, "accepted", 2)):
        here = summary.round(row["round"])
        assert (row["y"], row["total"]) == (here.accepted, here.sampled)


def test_pass_at_k_stands_at_doublings_of_k(judged: Study) -> None:
    plot = plots.plot_of(judged.summary(), "pass_at_k", 2)
    assert {name: 2**place for place, name in plot.ticks.items()} == {
        f"k={k}": k for k in judged.summary().round(2).pass_at_k
    }


# Judges.


@pytest.mark.parametrize("kind", [kind for kind in GAP_KINDS if kind != "pass_at_k"])
def test_one_verifier_has_the_same_line_alone_and_beside_others(
    report: GapReport, kind: str
) -> None:
    alone, beside = gap_plot(report, kind, "mc"), gap_plot(report, kind, "mc", "majority")
    assert [line.label for line in alone.lines] == ["gap", "no gap"]
    assert [line.label for line in beside.lines] == ["mc", "majority", "no gap"]
    one, other = alone.lines[0], beside.lines[0]
    for name in ("x", "y", "low", "high", "n"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
    assert "Gap of mc " in alone.title
    assert "Gap of 2 verifiers " in beside.title


def test_the_gap_over_rounds_and_levels_is_what_the_report_says(report: GapReport) -> None:
    over_rounds = gap_plot(report, "rounds", "mc").lines[0]
    gaps = [r.gaps["mc"].strict.gap for r in report.rounds]
    assert over_rounds.y.tolist() == [gap.value for gap in gaps]
    assert over_rounds.picks["round"] == [r.round for r in report.rounds]
    by_level = gap_plot(report, "level", "mc").lines[0]
    said = report.rounds[-1].gaps["mc"].by_level
    assert dict(zip(by_level.picks["level"], by_level.y, strict=True)) == {
        level: gap.value for level, gap in said.items()
    }


def test_sweeps_go_up_and_name_the_best_point_of_one_verifier(report: GapReport) -> None:
    for kind, points in (
        ("threshold", report.rounds[-1].judges["mc"].thresholds),
        ("share", report.rounds[-1].judges["mc"].quantiles),
    ):
        plot = gap_plot(report, kind, "mc")
        x, y = plot.lines[0].x, plot.lines[0].y
        assert all(a < b for a, b in pairwise(x))
        assert dict(zip(x, y, strict=True)) == {100.0 * p.at: p.gap.value for p in points}
        best = max(points, key=lambda p: p.gap.value)
        assert f"at {best.at:.0%}, which keeps {best.kept:.0%}" in plot.note
        assert not gap_plot(report, kind, "mc", "majority").note


def test_verifiers_that_must_agree_have_no_sweep_and_say_so(report: GapReport) -> None:
    pair = next(iter(report.rounds[-1].pairs))
    assert "choose a single one" in gap_plot(report, "threshold", pair).empty
    assert not gap_plot(report, "rounds", pair).empty


def test_who_can_judge_whom_is_the_table_of_the_report(report: GapReport) -> None:
    (table,) = report.cross
    plot = cross_map(table)
    cells = {(cell.picks["round"], cell.row): cell for cell in plot.cells}
    assert len(plot.rows) == len(table.models)
    for (generator, model), gap in table.gaps.items():
        cell = cells[generator, model.replace("r000", "r")]
        assert (cell.value, cell.low, cell.high, cell.n) == (gap.value, gap.low, gap.high, gap.n)
        assert plot.limits[0] <= gap.value <= plot.limits[1] == -plot.limits[0]


def test_models_that_judged_are_named_as_rounds_are() -> None:
    gap = Accuracy(-0.12, -0.2, 0.01, 24)
    table = CrossTable("mc", (0, 12), ("base", "r0012"), {(0, "base"): gap, (12, "r0012"): gap})
    plot = cross_map(table)
    assert (plot.columns, plot.rows) == (["r0", "r12"], ["base", "r12"])
    assert plot.limits == (-0.2, 0.2)


def test_sharpening_is_drawn_under_the_names_that_are_asked_for(judged: Study) -> None:
    found = judged.sharpening()
    names = dict.fromkeys(found.best_of_n, "") | {"majority": "the crowd"}
    plot = sharpening_plot(found, "best_of_n", names)
    assert "the crowd" in [line.label for line in plot.lines]
    assert plot.lines[-1].y.tolist() == [figure.value for figure in found.pass_at_k.values()]
    for kind in SHARPENING_KINDS:
        vega.spec_of(sharpening_plot(found, kind))


def test_histograms_are_shares_with_their_counts(judged: Study) -> None:
    found = judged.sharpening().histogram
    assert found is not None
    right, wrong = sharpening_plot(judged.sharpening(), "right_wrong").lines
    assert right.y.sum() == pytest.approx(1)
    assert right.n is not None
    assert wrong.n is not None
    assert [right.n.tolist(), wrong.n.tolist()] == [list(found.right), list(found.wrong)]


# Samples.


def test_every_sample_of_a_round_is_a_dot_on_its_side(judged: Study) -> None:
    samples = {s.id: s for s in judged.round(2).samples(role="sampled")}
    plot = score_plot(samples.values(), "mc", "majority", "samples of r2")
    rows = vega.rows_of(plot)
    both = {
        s.id for s in samples.values()
        if None not in [s.scores[name].value for name in ("mc", "majority")]
    }  # fmt: skip
    assert {row["sample"] for row in rows} == both
    assert f"n={len(both):,}" in plot.title
    for row in rows:
        sample = samples[row["sample"]]
        side = {True: "right", False: "wrong", None: "not known"}[passed(sample.scores)]
        assert row["line"].startswith(f"{side} (")
        assert row["x"] == pytest.approx(sample.scores["mc"].value, abs=1e-6)
        assert row["y"] == pytest.approx(sample.scores["majority"].value, abs=1e-6)
        assert row["level"] == sample.problem.level


def test_many_samples_are_thinned_and_counted(judged: Study) -> None:
    sample = next(iter(judged.round(2).samples(role="sampled")))
    plot = score_plot([sample] * (2 * MOST_SAMPLES + 1), "mc", "majority", "samples")
    assert len(vega.rows_of(plot)) <= MOST_SAMPLES
    assert f"n={2 * MOST_SAMPLES + 1:,}" in plot.title
    assert "one of 3 is shown" in plot.note


def test_scores_that_nobody_gave_are_said(judged: Study) -> None:
    plot = score_plot(judged.round(2).samples(role="sampled"), "mc", "cross", "samples")
    assert plot.empty == "No sample here has a score of both mc and cross."


def sample_of(texts: list[str], logprobs: list[float]) -> Sample:
    completion = Completion(tuple(range(len(texts))), "".join(texts), "length", tuple(logprobs))
    problem = Problem("path", 3, "ab|a>b=", "ab")
    scores = {"truth": Score(Outcome.SCORED, 1.0)}
    return Sample(7, 2, "train", 0, 0, 1, problem, completion, scores, None, "", ())


TOKENS = st.tuples(st.text(min_size=1, max_size=12), st.floats(-30, 0))


@given(st.lists(TOKENS, min_size=1, max_size=40))
@example([("a" * 200, -1.0), ("b" * 71, -1.0), ("c", -1.0)])
def test_boxes_fill_lines_in_order_and_never_overlap(tokens: list[tuple[str, float]]) -> None:
    texts, logprobs = [text for text, _ in tokens], [p for _, p in tokens]
    strip = token_strip(sample_of(texts, logprobs), [Piece(text) for text in texts])
    assert [box.logprob for box in strip.tokens] == logprobs
    for box in strip.tokens:
        assert 0 <= box.left < box.right <= WIDTH
        assert not re.search("[\x00-\x1f\x7f\u202a-\u202e]", box.text)
    for one, other in pairwise(strip.tokens):
        assert other.left == (one.right if one.line == other.line else 0)
        assert other.line - one.line in (0, 1)


def test_a_strip_reads_as_the_completion_and_names_the_least_likely_token() -> None:
    texts, logprobs = ["a", "b c", "\n", "d"], [-0.1, -3.0, -0.2, -0.3]
    strip = token_strip(sample_of(texts, logprobs), [Piece(text) for text in texts])
    assert [box.text for box in strip.tokens] == ["a", "b␣c", "⏎", "d"]
    assert [box.line for box in strip.tokens] == [0, 0, 0, 1]
    assert "4 tokens, log p -3.60 nats" in strip.note
    assert "the least likely is number 2, p 0.05" in strip.note
    rows = vega.rows_of(strip)
    assert [row["chance"] for row in rows] == pytest.approx(np.exp(logprobs), abs=1e-6)


def test_tokens_that_cannot_be_read_are_numbered() -> None:
    strip = token_strip(sample_of(["a", "b"], [-1.0, -2.0]), None)
    assert [box.text for box in strip.tokens] == ["1", "2"]
    assert "numbered" in strip.note


def test_a_completion_without_log_probabilities_has_no_strip() -> None:
    assert "not given" in token_strip(sample_of(["a"], []), None).empty
    assert "no tokens" in token_strip(sample_of([], []), None).empty


def test_a_study_without_judges_has_an_empty_gap_that_says_so(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    study.run(1)
    for kind in ("threshold", "rounds", "level"):
        assert "No judge has scored" in gap_plot(study.gap(), kind, "").empty
    assert not gap_plot(study.gap(), "pass_at_k").empty
