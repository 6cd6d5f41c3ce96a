"""The report read from a real study, from Python and from the command line."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from command_line import Said, command
from pools import Drawing, Drawn, mean

import sitool
from sitool.client import Study
from sitool.errors import SitoolError
from sitool.gap.pool import SCORED, UNPARSED, UNSEEN
from sitool.gap.sources import parse_filters, pool_of, read_pool
from sitool.presets import build_settings
from sitool.records import Completion, Outcome, Problem, Score
from sitool.store import EMPTY_PLAN, SampleFilter, Store

OUTCOMES = {"unparsed": Outcome.UNPARSED, "error": Outcome.ERROR}
COMPLETION = Completion((1, 2), "ab", "stop", (-0.1, -0.2))


def score(said: Any, answer: str | None = None, flexible: float | None = None) -> Score:
    if isinstance(said, str):
        return Score(OUTCOMES[said])
    return Score(Outcome.SCORED, float(said), float(said) if flexible is None else flexible, answer)


def add_round(store: Store, drawing: Drawing, levels: list[int] | None = None) -> list[int]:
    """Add a finished round with these held-out samples; returns their ids."""
    settings = build_settings("path", assignments=["seed=3"])
    problems = [
        Problem("path", (levels or [1] * len(drawing))[n], f"problem {n}", str(n))
        for n in range(len(drawing))
    ]
    with store.transaction():
        head = store.tree.head
        store.tree.set_next_settings(settings)
        round_ = store.tree.add_round(head, settings, EMPTY_PLAN)
        store.samples.add_draw(round_.id, "evaluation", problems)
        drawn = store.samples.draw(round_.id, "evaluation")
        ids = []
        for position, problem in enumerate(drawing):
            rows = [[COMPLETION] * len(problem)]
            ids += store.samples.add_samples(
                round_.id, "sampled", position, drawn[position : position + 1], rows
            )
        flat = [s for problem in drawing for s in problem]
        for name in {name for s in flat for name in s.said}:
            scored = [
                (i, score(s.said[name])) for i, s in zip(ids, flat, strict=True) if name in s.said
            ]
            store.samples.add_scores(name, scored)
        truths = [
            score(s.right, None if s.answer < 0 else f"answer {s.answer}",
                  None if s.flexible is None else float(s.flexible))
            for s in flat
        ]  # fmt: skip
        store.samples.add_scores("truth", zip(ids, truths, strict=True))
        store.tree.finish_round(round_.id)
    return ids


FIRST = [
    [Drawn(True, {"mc": 0.9, "cot": 0.8}, 0), Drawn(False, {"mc": 0.2, "cot": 0.9}, 1)],
    [Drawn(True, {"mc": 0.7, "cot": "unparsed"}, 2), Drawn(False, {"mc": 0.4, "cot": 0.1}, 1)],
    [Drawn(False, {"mc": 0.1, "cot": 0.3}, -1, True), Drawn(False, {"mc": 0.3, "cot": 0.2}, 3)],
]
SECOND = [
    [Drawn(True, {"mc": 0.9}, 0), Drawn(True, {"mc": 0.8}, 0)],
    [Drawn(True, {"mc": 0.9}, 2), Drawn(False, {"mc": 0.9}, 1)],
    [Drawn(False, {"mc": 0.1}, 3), Drawn(False, {"mc": 0.3}, 3)],
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a study of two rounds whose held-out samples are judged."""
    store = Store.create(tmp_path / "judged")
    add_round(store, FIRST, levels=[1, 1, 2])
    add_round(store, SECOND)
    store.close()
    return tmp_path / "judged"


@pytest.fixture
def judged_study(folder: Path) -> Iterator[Study]:
    opened = sitool.open(folder)
    yield opened
    opened.close()


Cli = Callable[..., Said]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("COLUMNS", "100")
    return partial(command, monkeypatch, capsys)


# The pool.


def test_a_pool_is_what_the_samples_of_the_study_say(folder: Path) -> None:
    store = Store(folder)
    pool = read_pool(store, store.tree.round(0))
    flat = [s for problem in FIRST for s in problem]
    samples = list(store.samples.each(SampleFilter(round=0, role="sampled")))
    assert pool.sample.tolist() == [s.id for s in samples]
    assert pool.problem.tolist() == [s.position for s in samples] == [0, 0, 1, 1, 2, 2]
    assert pool.problem_id.tolist() == list(dict.fromkeys(s.problem_id for s in samples))
    assert pool.level.tolist() == [1, 1, 2]
    assert pool.drawn.tolist() == [2, 2, 2]
    assert pool.strict.tolist() == [float(s.right) for s in flat]
    assert pool.flexible.tolist() == [1, 0, 1, 0, 1, 0]
    assert pool.read.all()
    assert pool.answer[1] == pool.answer[3]
    assert pool.answer[4] == -1
    assert len(set(pool.answer.tolist())) == 5
    assert set(pool.verdicts) == {"truth", "mc", "cot"}
    assert pool.verdicts["mc"].value.tolist() == [s.said["mc"] for s in flat]
    assert pool.verdicts["cot"].outcome.tolist() == [SCORED, SCORED, UNPARSED, *[SCORED] * 3]
    store.close()


def test_samples_whose_truth_failed_are_left_out_and_counted(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "study")
    ids = add_round(store, FIRST)
    with store.transaction():
        for number, said in ((0, "error"), (4, "error"), (5, "error"), (3, "unparsed")):
            store._database.execute(
                "UPDATE scores SET outcome = ?, value = NULL, answer = NULL"
                " WHERE verifier = 'truth' AND sample = ?",
                (said, ids[number]),
            )
    pool = read_pool(store, store.tree.round(0))
    assert pool.unknown == 3
    assert pool.sample.tolist() == [ids[1], ids[2], ids[3]]
    assert pool.problem.tolist() == [0, 1, 1]
    assert pool.drawn.tolist() == [2, 2]
    assert pool.read.tolist() == [True, True, False]
    assert pool.strict.tolist() == [0, 1, 0]
    assert pool.verdicts["mc"].value.tolist() == [0.2, 0.7, 0.4]
    store.close()


def test_a_verifier_that_has_not_seen_a_sample_says_nothing_of_it(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "study")
    add_round(store, [[Drawn(True, {"mc": 0.5}), Drawn(True)]])
    rows = store.verdicts.of(0, "sampled")
    assert rows is not None
    assert pool_of(rows).verdicts["mc"].outcome.tolist() == [SCORED, UNSEEN]
    assert store.verdicts.of(0, "train") is None
    store.close()


# From Python.


def test_the_report_of_a_study_has_the_figures_that_one_counts_by_hand(judged_study: Study) -> None:
    report = judged_study.gap()
    assert [r.round for r in report.rounds] == [0, 1]
    first = report.round(0)
    mc = first.judges["mc"].gap
    assert mc.filter == "threshold:0.5"
    assert mc.strict.accuracy.value == pytest.approx(mean([0.5, 0.5, 0]))
    assert mc.strict.reweighted.value == pytest.approx(mean([1, 1, 0]))
    assert (mc.empty, mc.kept, mc.samples) == (1, 2, 6)
    assert mc.by_level[1].value == 0.5
    assert mc.flexible.accuracy.value == pytest.approx(mean([0.5, 0.5, 0.5]))
    assert first.judges["cot"].gap.unparsed == 1
    assert set(first.pairs) == {"cot+mc"}
    update = {u.verifier: u for u in report.updates}["mc"]
    assert update.strict.improvement.value == pytest.approx((0.5 + 0 + 0) / 3)
    assert update.strict.eps_update.value == pytest.approx(1 / 6)
    assert report.notes == ()


def test_rounds_verifiers_and_filters_can_be_chosen(judged_study: Study) -> None:
    report = judged_study.gap([0], ["mc+cot", "cot"], ["quantile:0.5", "cot=threshold:0.3"])
    (r,) = report.rounds
    assert set(r.gaps) == {"cot", "mc+cot"}
    assert r.gaps["mc+cot"].filter == "mc=quantile:0.5 and cot=threshold:0.3"
    assert r.judges["cot"].confusion.cut == 0.3
    assert report.trend is None


def test_intervals_repeat(judged_study: Study) -> None:
    assert judged_study.gap().to_json() == judged_study.gap().to_json()


def test_a_round_that_a_judge_has_not_scored_is_named_with_what_to_do(judged_study: Study) -> None:
    report = judged_study.gap(verifiers=["cot"])
    (note,) = report.notes
    assert note.startswith("cot has not scored the held-out samples of r0001, so")
    assert f"sitool measure {judged_study.folder} --round 1 --verifier cot" in note
    assert "evaluation.verifiers" in note
    assert report.round(1).judges == {}


def said_by(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(SitoolError) as caught:
        act()
    return caught.value.message, caught.value.hint


def test_a_verifier_that_scored_nothing_is_refused_with_the_nearest_name(
    judged_study: Study,
) -> None:
    message, hint = said_by(lambda: judged_study.gap(verifiers=["mcc"]))
    assert "named 'mcc'. Did you mean 'mc'? Known: cot, mc, truth." in message
    assert hint == f"try: sitool measure {judged_study.folder} --round 1 --verifier mcc"
    message, _ = said_by(lambda: judged_study.gap(filters=["mx=best_of_n"]))
    assert "named 'mx'" in message


def test_two_filters_for_one_verifier_are_refused() -> None:
    assert set(parse_filters(["quantile", "mc=best_of_n"])) == {"", "mc"}
    message, _ = said_by(lambda: parse_filters(["mc=quantile:0.5", "mc=best_of_n"]))
    assert message == "There are two filters for 'mc': quantile:0.5 and best_of_n."
    message, _ = said_by(lambda: parse_filters(["quantile:0.5", "best_of_n"]))
    assert message.startswith("There are two filters for 'all verifiers'")


def test_a_study_that_is_not_measured_says_what_to_do_first(tmp_path: Path) -> None:
    study = sitool.create(tmp_path / "study", assignments=["model.base=scripted",
        "sampler.name=scripted", "trainer.name=scripted"])  # fmt: skip
    assert said_by(study.gap) == (
        "The base is not measured yet.",
        f"try: sitool run {study.folder}",
    )
    study.close()


def test_a_round_without_held_out_samples_says_why(study: Study) -> None:
    study.configure("evaluation.samples=0")
    study.step()
    message, hint = said_by(lambda: study.gap([3]))
    assert message == "r0003 has no sampled answers to held-out problems: evaluation.samples is 0."
    assert "evaluation.samples=8" in hint
    assert [r.round for r in study.gap().rounds] == [0, 1, 2]
    study.step(to="select")
    assert said_by(lambda: study.gap([4]))[0] == "r0004 is not evaluated yet."


def test_a_round_whose_truth_is_not_known_says_how_to_get_it(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "study")
    add_round(store, FIRST)
    with store.transaction():
        store._database.execute("DELETE FROM scores WHERE verifier = 'truth'")
    store.close()
    study = sitool.open(tmp_path / "study")
    message, hint = said_by(study.gap)
    assert message == "The truth of none of the 6 held-out samples of r0000 is known."
    assert hint == f"try: sitool measure {study.folder} --round 0 --verifier truth"
    study.close()


def test_a_real_round_without_judges_has_pass_at_k_as_it_was_measured(study: Study) -> None:
    report = study.gap()
    assert [r.round for r in report.rounds] == [0, 1, 2]
    assert "No judge has scored the held-out samples of r0000, r0001, r0002" in report.notes[0]
    for r, view in zip(report.rounds, study.summary().rounds, strict=True):
        for k, figure in r.pass_at_k.items():
            assert figure.value == pytest.approx(view.pass_at_k[k][0].value)


# From the command line.


def test_the_command_prints_json_with_its_figures_by_verifier(cli: Cli, folder: Path) -> None:
    code, out, _ = cli("gap", folder, "--json")
    body = json.loads(out)
    assert code == 0
    assert body["round"] == 1
    assert body["gap"] == {"mc": body["rounds"][1]["judges"]["mc"]["strict"]["gap"]}
    assert body["relative_gap"]["mc"]["n"] == 2
    assert set(body["pass_at_k"]) == {"1", "2"}
    for figure in (body["gap"]["mc"], body["relative_gap"]["mc"], *body["pass_at_k"].values()):
        assert set(figure) == {"value", "low", "high", "n"}
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert set(body["rounds"][0]["gap"]) == {"cot", "mc"}


def test_the_command_chooses_as_it_is_told(cli: Cli, folder: Path) -> None:
    words = ("--round", 0, "--verifier", "mc+cot", "--filter", "quantile:0.5", "--json")
    body = json.loads(cli("gap", folder, *words)[1])
    assert [r["round"] for r in body["rounds"]] == [0]
    assert list(body["gap"]) == ["mc+cot"]
    assert body["rounds"][0]["ensembles"]["mc+cot"]["filter"] == "quantile:0.5"


def test_the_command_explains_what_it_shows(cli: Cli, folder: Path) -> None:
    code, out, err = cli("gap", folder)
    assert (code, err) == (0, "")
    flat = " ".join(out.split())
    for words in (
        "J[w]",
        "The gap, by round and verifier",
        "Strict and flexible match side by side",
        "r0000→r0001",
        "pass@2",
        "mc against the truth in r0001",
        "r0001: a sample is right .50 of the time; among what mc lets through",
        "Problems that are all right are left out of the relative gap: 0/0.",
        "under mc the gap of r0001 is",
    ):
        assert words in flat
    assert "Two judges that must both agree, in r0000" in cli("gap", folder, "--round", 0)[1]


def test_names_from_a_study_are_shown_as_they_are(cli: Cli, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "study")
    add_round(store, [[Drawn(True, {"[red]x[/]": 0.9}), Drawn(False, {"[red]x[/]": 0.1})]])
    store.close()
    assert "[red]x[/]" in cli("gap", tmp_path / "study")[1]


def test_the_command_says_mistakes_in_words(cli: Cli, folder: Path, study: Study) -> None:
    code, _, err = cli("gap", folder, "--filter", "quantile:2")
    assert code == 2
    assert "must be above 0 and at most 1" in err
    assert cli("gap", folder, "--round", 9)[0] == 2
    code, out, _ = cli("gap", study.folder)
    assert code == 0
    assert "No judge has scored" in out
