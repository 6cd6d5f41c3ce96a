"""The algorithm itself: what it draws, what it measures on, and what it puts up with."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from studies import PARTS, create, first_sample, round_contents, rows

import sitool
from sitool import events, loop, registry
from sitool.client import Study
from sitool.config import Settings
from sitool.draws import evaluation_problems
from sitool.errors import TaskError
from sitool.parts import Parts, make_task
from sitool.presets import build_settings
from sitool.records import Outcome, Phase, Problem
from sitool.store import Round, Store

GENERATED = [name for name in registry.names("task") if name not in ("jsonl", "python")]
OWN_TASK = """
levels = range(1, 4)


def problem(level, rng):
    first, second = rng.randrange(10**level), rng.randrange(10**level)
    return f"{first}+{second}=", first + second
"""


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "sums.jsonl"
    lines = [
        json.dumps({"prompt": f"{a}+{b}=", "answer": a + b, "level": len(str(a + b))})
        for a in range(40)
        for b in range(40)
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    file.with_suffix(".py").write_text(OWN_TASK, encoding="utf-8")
    return file


def of_task(name: str, sums: Path) -> list[str]:
    files = {"jsonl": sums, "python": sums.with_suffix(".py")}
    return [f"task.name={name}", *([f"task.path={files[name]}"] if name in files else [])]


def keys(study: Study, number: int, role: str) -> list[str]:
    return [problem.key for _, problem in study._store.samples.draw(number, role)]


def drawn_by_seed(name: str, seed: int, sums: Path, *, held_out: bool) -> set[str]:
    settings = build_settings(assignments=[*of_task(name, sums), f"seed={seed}"])
    task = make_task(settings)
    level = task.levels[-1]
    path = (seed, "evaluation", level) if held_out else (seed, 1, "draw", level)
    drawn = loop.draw_level(task, level, 100, path, held_out=held_out, repeat=False)
    return {problem.key for problem in drawn}


# Problems.


@pytest.mark.parametrize("name", registry.names("task"))
def test_training_never_meets_an_evaluation_problem(name: str, sums: Path, tmp_path: Path) -> None:
    """Over rounds, forks, undone rounds, redos and two neighbouring seeds."""
    trained, evaluated = set[str](), set[str]()
    for seed in (3, 4):
        study = create(tmp_path / str(seed), f"seed={seed}", *of_task(name, sums))
        study.run(2)
        study.fork(0, "curriculum.rule=fixed")
        study.run(1)
        study.redo(3)
        study.run(1)
        study.undo()
        study.step(to="draw")
        for round_ in study.rounds():
            trained |= set(keys(study, round_.number, "train"))
            evaluated |= set(keys(study, round_.number, "evaluation"))
        study.close()
    assert len(trained) > 10
    assert len(evaluated) > 10
    assert not trained & evaluated


@pytest.mark.parametrize("name", registry.names("task"))
def test_the_evaluation_problems_are_the_same_in_every_round(
    name: str, sums: Path, tmp_path: Path
) -> None:
    study = create(tmp_path / "study", *of_task(name, sums))
    study.run(2)
    study.fork(0, "draw.problems=5", "curriculum.rule=fixed")
    study.run(1)
    every = [keys(study, n, "evaluation") for n in range(4)]
    assert every[0]
    assert all(found == every[0] for found in every)


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("held_out", [False, True])
def test_neighbouring_seeds_share_almost_no_problem(name: str, held_out: bool, sums: Path) -> None:
    drawn = [drawn_by_seed(name, seed, sums, held_out=held_out) for seed in (42, 43, 44)]
    for one, other in combinations(drawn, 2):
        assert len(one & other) <= 0.05 * len(one)
    assert drawn[0] == drawn_by_seed(name, 42, sums, held_out=held_out)


def test_two_rounds_draw_different_problems(study: Study) -> None:
    one, two = (set(keys(study, n, "train")) for n in (1, 2))
    assert len(one & two) <= 2


def test_a_draw_has_each_problem_once_as_long_as_there_are_new_ones(study: Study) -> None:
    found = keys(study, 1, "train")
    assert len(set(found)) == len(found) == 24


def test_a_level_with_few_problems_is_filled_up_for_training_and_not_for_evaluation() -> None:
    task = make_task(build_settings(assignments=["task.name=addition"]))
    few = loop.draw_level(task, 1, 300, (1,), held_out=True, repeat=False)
    filled = loop.draw_level(task, 1, 300, (1,), held_out=False, repeat=True)
    assert len({p.key for p in few}) == len(few) < 100
    assert len(filled) == 300
    assert len({p.key for p in filled}) < 100


def test_the_draw_follows_the_plan(study: Study) -> None:
    levels = [p.level for _, p in study._store.samples.draw(2, "train")]
    plan = study.round(2).record.plan
    assert {level: levels.count(level) for level in set(levels)} == {
        level: count for level, count in plan.problems.items() if count
    }
    assert sum(plan.weights.values()) == pytest.approx(1)


def test_no_held_out_problem_anywhere_is_said_in_a_sentence() -> None:
    class Hopeless:
        name = "hopeless"
        levels = range(1, 3)

        def problem(self, level: int, rng: Any) -> Problem:
            number = next(i for i in range(99) if not Problem("h", 1, str(i), "").held_out)
            return Problem("h", level, str(number), "")

    with pytest.raises(TaskError, match="has no held-out problem at levels 1 to 2"):
        evaluation_problems(Hopeless(), Settings(), 3)  # type: ignore[arg-type]


# A round as a generator.


def test_a_round_runs_without_engine_or_journal(tmp_path: Path) -> None:
    """`run_round` knows no process: whoever has a store and parts may drive it."""
    create(tmp_path / "study").close()
    store = Store(tmp_path / "study")
    parts = Parts.make(store.tree.next_settings)
    base = loop.open_round(store, parts.task)
    assert (base.id, base.phase) == (0, Phase.EVALUATE)
    list(loop.run_round(store, parts, base))
    first = loop.open_round(store, parts.task)
    happened = list(loop.run_round(store, parts, first))
    assert isinstance(happened[-1], events.RoundFinished)
    assert store.tree.head == 1
    assert store.journal.events() == []
    parts.close()
    create(tmp_path / "other").run(1)
    ours, theirs = (round_contents(tmp_path / n, 1)["samples"] for n in ("study", "other"))
    assert ours == theirs


def test_the_round_under_way_is_gone_on_with_before_another_is_opened(study: Study) -> None:
    study.step(to="draw")
    assert loop.open_round(study._store, study.task).id == 3
    assert len(study.rounds()) == 4


@pytest.mark.parametrize("samples", [1, 4])
def test_every_problem_gets_its_samples_in_order(tmp_path: Path, samples: int) -> None:
    study = create(tmp_path / "study", f"draw.samples={samples}", "sampler.chunk_rows=7")
    study.step()
    places = [(s.position, s.index) for s in study.round(1).samples()]
    assert places == [(p, i) for p in range(24) for i in range(samples)]


def test_samples_of_one_problem_differ_and_chunks_do_not_matter(tmp_path: Path) -> None:
    texts = []
    for rows_ in (4, 64, 1000):
        study = create(tmp_path / str(rows_), f"sampler.chunk_rows={rows_}")
        study.step(to="sample")
        texts.append([s.completion.text for s in study.round(1).samples()])
    assert texts[0] == texts[1] == texts[2]
    assert len(set(texts[0])) > 24


def test_no_sample_for_pass_at_k_is_greedy_only(tmp_path: Path) -> None:
    study = create(tmp_path / "study", "evaluation.samples=0")
    study.step()
    summary = study.round(1).summary()
    assert summary.overall is not None
    assert summary.pass_at_k == {}
    assert list(study.round(1).samples(role="sampled")) == []
    study.step()  # The curriculum then goes by greedy accuracy.


# What it puts up with.


def with_answers(folder: Path, answers: list[str], *assignments: str) -> Study:
    """Make a study whose completions are these answers, scored by the scripted verifier."""
    lines = [json.dumps({"prompt": f"{i}?", "answer": a}) for i, a in enumerate(answers)]
    (folder / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    held = [json.dumps({"prompt": f"held {i}?", "answer": "[pass]"}) for i in range(5)]
    (folder / "held.jsonl").write_text("\n".join(held), encoding="utf-8")
    return sitool.create(
        folder / "study",
        assignments=[
            *PARTS,
            "task.name=jsonl",
            f"task.path={folder / 'train.jsonl'}",
            f"task.evaluation_path={folder / 'held.jsonl'}",
            'verifier.names=["scripted"]',
            "verifier.measure=[]",
            f"draw.problems={len(answers)}",
            "draw.samples=2",
            "evaluation.problems_per_level=3",
            "evaluation.samples=0",
            "curriculum.rule=fixed",
            *assignments,
        ],
    )


@pytest.fixture
def skilled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the scripted base always give the problem's own answer."""
    from sitool.models.scripted import ScriptedModel

    monkeypatch.setattr(ScriptedModel, "success", lambda self, level: 1.0)


@pytest.mark.parametrize(
    ("marker", "word"),
    [("[raise]", "told the verifier to raise"), ("[bad]", "no valid score"), ("[die]", "died")],
)
def test_a_verifier_that_fails_on_a_sample_costs_only_that_score(
    tmp_path: Path, skilled: None, marker: str, word: str
) -> None:
    study = with_answers(tmp_path, ["[pass]", marker, "[fail]", "[unparsed]", "[score 0.4]"])
    study.step()
    by_text = {s.completion.text: s.scores["scripted"] for s in study.round(1).samples()}
    assert by_text[marker].outcome is Outcome.ERROR
    assert by_text[marker].value is None
    assert word in by_text[marker].explanation
    assert by_text["[pass]"].value == 1
    assert by_text["[fail]"].value == 0
    assert by_text["[score 0.4]"].value == 0.4
    assert by_text["[unparsed]"].outcome is Outcome.UNPARSED
    assert by_text["[unparsed]"].value is None
    texts = {s.completion.text for s in study.round(1).samples(accepted=True)}
    assert texts == {"[pass]"}
    failed = {s.completion.text: s.rule for s in study.round(1).samples(accepted=False)}
    assert failed[marker] == "the verifier failed"


def test_a_verifier_that_hangs_is_stopped_and_the_round_goes_on(
    tmp_path: Path, skilled: None
) -> None:
    answers = ["[pass]", "[hang]", "[fail]"]
    study = with_answers(tmp_path, answers, "verifier.time_limit_seconds=1", "draw.samples=1")
    study.step()
    by_text = {s.completion.text: s.scores["scripted"] for s in study.round(1).samples()}
    assert by_text["[hang]"].outcome is Outcome.ERROR
    assert "No answer within" in by_text["[hang]"].explanation
    assert by_text["[pass]"].value == 1
    assert by_text["[fail]"].value == 0
    assert study.round(1).record.finished


def test_failed_scores_are_no_failures_of_the_model(tmp_path: Path, skilled: None) -> None:
    """Success is measured over what is known; an error is never a value of 0."""
    study = with_answers(tmp_path, ["[pass]", "[raise]", "[pass]", "[raise]"])
    study.step()
    assert study.round(1).summary().success[0].value == 1.0


def test_a_round_that_accepts_nothing_warns_and_keeps_its_parents_adapter(
    tmp_path: Path, skilled: None
) -> None:
    study = with_answers(tmp_path, ["[pass]", "[pass]"], "selection.threshold=1")
    study.step()
    study.step(to="verify")
    for sample in study.round(2).samples():
        study.reject(sample.id)
    happened = list(study.stream_rounds(1))
    warned = [e for e in happened if isinstance(e, events.Warned)]
    assert [w.message for w in warned] == [
        "No sample was accepted, so there was nothing to learn from."
    ]
    assert study.round(2).record.finished
    one, two = (study.round(n).adapter for n in (1, 2))
    assert one is not None
    assert two is not None
    assert (one / "adapter.json").read_bytes() == (two / "adapter.json").read_bytes()
    for sample in study.round(2).samples():
        study.clear(sample.id)
    assert study.step().number == 3


def test_a_first_round_that_accepts_nothing_keeps_the_base(tmp_path: Path, skilled: None) -> None:
    study = with_answers(tmp_path, ["[fail]", "[raise]"])
    study.step()
    skill = json.loads((study.folder / "adapters/r0001/adapter.json").read_text())["skill"]
    assert skill == 0.7
    assert study.step().number == 2


def test_a_verifier_that_cannot_be_started_stops_the_round_with_a_sentence(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sitool.verifiers.truth import TruthVerifier

    def broken(self: Any, task: Any) -> None:
        raise OSError("no licence")

    with monkeypatch.context() as patch:
        patch.setattr(TruthVerifier, "__init__", broken)
        with pytest.raises(
            sitool.SitoolError, match="'truth' cannot be started: OSError: no licence"
        ):
            study.step()
    assert study.step().number == 3


def test_two_verifiers_must_agree_when_the_selection_says_so(tmp_path: Path, skilled: None) -> None:
    study = with_answers(
        tmp_path,
        ["Answer: 4", "[pass]"],
        'verifier.names=["scripted", "truth"]',
        'selection.verifiers=["scripted", "truth"]',
    )
    study.step()
    for sample in study.round(1).samples():
        assert set(sample.scores) == {"scripted", "truth"}
        strict = [score.passed for score in sample.scores.values()]
        assert sample.accepted == all(strict) or sample.rule


def test_the_first_sample_is_scored_as_it_is_stored(study: Study) -> None:
    """The database keeps what the verifier said, to the letter."""
    sample = first_sample(study, 1)
    again = study.task.score(sample.problem, sample.completion.text)
    assert sample.scores["truth"] == again


def test_seconds_are_counted_for_every_phase(study: Study) -> None:
    names = {n for (n,) in rows(study.folder, "SELECT name FROM metrics WHERE round = 1")}
    assert {f"seconds_{phase}" for phase in Phase} <= names
    record: Round = study.round(1).record
    total = sum(study.round(1).summary().seconds_by_phase.values())
    assert record.seconds == pytest.approx(total, rel=0.2, abs=0.05)
