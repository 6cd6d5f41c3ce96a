"""What a person does to a study, and what that may and may not change."""

from pathlib import Path
from typing import Any

import pytest
from studies import adapters, create, first_sample, folder_state, round_contents, rows, take

import sitool
from sitool import events
from sitool.client import Study
from sitool.errors import ConfigError, StudyError
from sitool.records import Action, Phase, Sample
from sitool.store import SampleFilter


def trained_on(study: Study, number: int) -> dict[int, float]:
    return {s.id: weight for s, weight in study._store.samples.selected(number)}


def wrong(study: Study, number: int) -> Sample:
    return first_sample(study, number, accepted=False, passed=False)


# Rounds never change.


def test_a_finished_round_never_changes_whatever_is_done_after_it(study: Study) -> None:
    before = {n: round_contents(study.folder, n) for n in (0, 1, 2)}

    def unchanged() -> bool:
        return all(round_contents(study.folder, n) == before[n] for n in before)

    kept, dropped = first_sample(study, 2, accepted=True), wrong(study, 2)
    study.reject(kept.id, "no")
    study.accept(dropped.id, "yes")
    study.edit(wrong(study, 1).id, "my own words")
    study.note(kept.id, "look")
    assert unchanged()
    study.step()
    assert unchanged()
    study.undo()
    study.undo()
    assert unchanged()
    study.step(to="select")
    study.undo()
    assert unchanged()
    study.fork(0, "curriculum.rule=fixed", "draw.samples=2")
    study.step()
    assert unchanged()
    study.redo(2)
    assert unchanged()
    study.step()
    assert unchanged()
    study.evaluate(1, problems_per_level=3, samples=2)
    assert unchanged()
    study.configure("trainer.epochs=1")
    study.curriculum.harder()
    assert unchanged()


def test_evaluating_again_keeps_nothing_but_the_event(study: Study) -> None:
    before = folder_state(study.folder)
    figures = study.evaluate(1, problems_per_level=3, samples=2)
    assert folder_state(study.folder) == before
    assert {f.name for f in figures} == {"accuracy", "accuracy_flexible", "pass@1", "pass@2"}
    overall = next(f for f in figures if f.name == "accuracy" and f.level == 0)
    assert overall.n == 3 * 8
    assert [k for (k,) in rows(study.folder, "SELECT kind FROM events ORDER BY id")][-1] == (
        "RoundEvaluated"
    )


def test_evaluating_again_with_the_same_problems_gives_the_same_accuracy(study: Study) -> None:
    again = study.evaluate(2, problems_per_level=6)
    kept = study.round(2).accuracy
    assert {f.level: f.value for f in again if f.name == "accuracy"} == {
        level: m.value for level, m in kept.items()
    }


# Rulings.


def test_a_rejected_sample_is_kept_out_and_its_score_stays(study: Study) -> None:
    round_ = study.step(to="select")
    assert round_.record.phase is Phase.TRAIN
    chosen = first_sample(study, 3, accepted=True)
    study.reject(chosen.id, "copied from the prompt")
    study.step()
    after = study.sample(chosen.id)
    assert after.weight == 0
    assert after.rule == "you rejected it"
    assert dict(after.scores) == dict(chosen.scores)
    assert chosen.id not in trained_on(study, 3)


def test_an_accepted_sample_is_taken_in_and_its_score_stays(study: Study) -> None:
    study.step(to="verify")
    chosen = next(s for s in study.round(3).samples(passed=False))
    study.accept(chosen.id)
    study.step()
    after = study.sample(chosen.id)
    assert (after.weight, after.rule) == (1.0, "you accepted it")
    assert dict(after.scores) == dict(chosen.scores)
    assert trained_on(study, 3)[chosen.id] == 1.0


def test_an_edit_trains_on_the_persons_text_and_keeps_the_models(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sitool.trainers.scripted import ScriptedTrainer

    study.step(to="select")
    chosen = wrong(study, 3)
    study.edit(chosen.id, "a1,b2", "this is right")
    learnt: list[Any] = []
    train = ScriptedTrainer.train

    def spy(self: Any, examples: Any, **options: Any) -> Any:
        learnt.extend(examples)
        return train(self, examples, **options)

    monkeypatch.setattr(ScriptedTrainer, "train", spy)
    study.step()
    written = (*map(ord, "a1,b2"), 0)
    prompt = tuple(map(ord, chosen.problem.prompt))
    assert [e.completion_ids for e in learnt if e.prompt_ids == prompt].count(written) == 1
    assert len(learnt) == len(trained_on(study, 3))
    after = study.sample(chosen.id)
    assert after.completion == chosen.completion
    assert after.rule == "you edited it"


def test_the_last_ruling_holds_and_every_one_is_kept(study: Study) -> None:
    study.step(to="select")
    chosen = first_sample(study, 3, accepted=True)
    study.reject(chosen.id, "first")
    study.note(chosen.id, "in between")
    study.accept(chosen.id, "second")
    study.reject(chosen.id, "third")
    study.step()
    after = study.sample(chosen.id)
    assert not after.accepted
    assert [(d.action, d.reason) for d in after.decisions] == [
        (Action.REJECT, "first"),
        (Action.NOTE, "in between"),
        (Action.ACCEPT, "second"),
        (Action.REJECT, "third"),
    ]


def test_clearing_gives_the_word_back_to_the_verifiers(study: Study) -> None:
    study.step(to="select")
    weights = {s.id: s.weight for s in study.round(3).samples()}
    kept, dropped = first_sample(study, 3, accepted=True), wrong(study, 3)
    study.reject(kept.id)
    study.accept(dropped.id)
    study.step(to="select")
    assert {s.id: s.weight for s in study.round(3).samples()} != weights
    study.clear(kept.id)
    study.clear(dropped.id)
    study.step(to="select")
    assert {s.id: s.weight for s in study.round(3).samples()} == weights
    assert study.sample(kept.id).ruling is None
    assert len(study.sample(kept.id).decisions) == 2


def test_a_note_changes_nothing(study: Study) -> None:
    study.step(to="select")
    weights = {s.id: (s.weight, s.rule) for s in study.round(3).samples()}
    study.note(first_sample(study, 3, accepted=True).id, "interesting")
    study.step(to="select")
    assert {s.id: (s.weight, s.rule) for s in study.round(3).samples()} == weights


def test_the_author_and_the_time_of_a_decision_are_kept(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITOOL_AUTHOR", "Ada")
    study.accept(wrong(study, 2).id, "close enough")
    ruled = next(iter(study.round(2).samples(overruled=True))).ruling
    assert ruled is not None
    assert (ruled.author, ruled.reason) == ("Ada", "close enough")
    assert ruled.time > study.round(2).record.created


def test_a_late_accept_or_edit_joins_the_next_round_that_starts_there(study: Study) -> None:
    accepted, edited = take(study.round(2).samples(accepted=False, passed=False), 2)
    study.accept(accepted.id)
    study.edit(edited.id, "a1")
    study.step()
    joined = trained_on(study, 3)
    assert joined[accepted.id] == joined[edited.id] == 1.0
    named = dict(rows(study.folder, "SELECT sample, rule FROM selections WHERE round = 3"))
    assert named[accepted.id] == "you accepted it in r0002"
    assert named[edited.id] == "you edited it in r0002"
    # Nor is the sample's own round touched, and the round after the next takes it no more.
    assert not study.sample(accepted.id).accepted
    study.step()
    assert accepted.id not in trained_on(study, 4)


def test_a_late_ruling_that_changes_nothing_joins_nothing(study: Study) -> None:
    study.accept(first_sample(study, 2, accepted=True).id)
    study.reject(wrong(study, 2).id)
    taken_back = wrong(study, 2)
    study.accept(taken_back.id)
    study.clear(taken_back.id)
    study.step()
    own = {s.id for s in study.round(3).samples()}
    assert set(trained_on(study, 3)) <= own


def test_a_late_reject_joins_nothing_and_a_redo_obeys_it(study: Study) -> None:
    chosen = first_sample(study, 2, accepted=True)
    study.reject(chosen.id, "wrong after all")
    twin = study.redo(2)
    assert (twin.number, twin.record.redo_of, twin.record.parent) == (3, 2, 1)
    study.step()
    twins = {(s.position, s.index): s for s in study.round(3).samples()}
    copy = twins[chosen.position, chosen.index]
    assert copy.weight == 0
    assert copy.rule == "you rejected it"
    assert copy.completion == chosen.completion
    assert dict(copy.scores) == dict(chosen.scores)
    others = {p: s.weight for p, s in twins.items() if s.position != chosen.position}
    assert others == {
        (s.position, s.index): s.weight
        for s in study.round(2).samples()
        if s.position != chosen.position
    }


def test_a_redo_without_new_rulings_selects_the_same(study: Study) -> None:
    study.accept(wrong(study, 1).id)  # Late: of the round before.
    study.fork(1)
    study.step()
    study.redo(3)
    study.step()
    former, twin = (
        [(s.position, s.index, s.weight) for s in study.round(n).samples()] for n in (3, 4)
    )
    assert former == twin
    assert study.round(4).summary().accepted == study.round(3).summary().accepted


def test_a_redo_draws_samples_and_verifies_nothing(study: Study) -> None:
    study.redo(2)
    phases = [e.phase for e in study.stream_rounds(1) if isinstance(e, events.PhaseStarted)]
    assert phases == [Phase.SELECT, Phase.TRAIN, Phase.EVALUATE]
    count = SampleFilter(round=3)
    assert study._store.samples.count(count) == study._store.samples.count(SampleFilter(round=2))


def test_rulings_on_the_evaluation_are_refused(study: Study) -> None:
    before = folder_state(study.folder)
    measured = first_sample(study, 2, role="greedy")
    with pytest.raises(StudyError, match="belongs to the evaluation, which nobody overrules"):
        study.accept(measured.id)
    assert folder_state(study.folder) == before


def test_an_unknown_sample_is_refused(study: Study) -> None:
    for act in (study.accept, study.reject, study.clear, study.sample):
        with pytest.raises(StudyError, match=r"There is no sample 987654321\."):
            act(987654321)


# Undo, fork, redo, configure.


def test_undo_moves_the_head_to_its_parent_and_deletes_nothing(study: Study) -> None:
    before = [round_contents(study.folder, n) for n in (0, 1, 2)]
    assert study.undo().number == 1
    assert study.undo().number == 0
    assert [round_contents(study.folder, n) for n in (0, 1, 2)] == before
    with pytest.raises(StudyError, match="There is nothing to undo"):
        study.undo()
    assert study.head is not None
    assert study.head.number == 0
    study.step()
    assert study.round(3).record.parent == 0


def test_undo_leaves_the_round_under_way_first(study: Study) -> None:
    study.step(to="sample")
    assert study.undo().number == 2
    assert study.round(3).record.status == "left"
    assert len(list(study.round(3).samples())) > 0
    study.step()
    assert study.round(4).record.parent == 2


def test_undo_in_a_new_study_says_that_there_is_nothing(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    with pytest.raises(StudyError, match="There is nothing to undo"):
        study.undo()


def test_a_fork_starts_from_the_older_round_with_its_settings_and_changes(study: Study) -> None:
    study.configure("draw.samples=2", "trainer.epochs=5")
    assert study.fork(1, "draw.samples=3").number == 1
    assert study.settings.draw.samples == 3
    assert study.settings.trainer.epochs == study.round(1).settings.trainer.epochs
    study.step()
    forked = study.round(3)
    assert forked.record.parent == 1
    assert set(forked.summary().changes) == {"draw.samples"}
    assert len(list(forked.samples())) == 24 * 3


def test_two_branches_from_one_round_draw_different_problems_and_meet_the_same_evaluation(
    study: Study,
) -> None:
    study.fork(1)
    study.step()
    two, three = ({p.key for _, p in study._store.samples.draw(n, "train")} for n in (2, 3))
    assert two != three
    evaluations = [[p.key for _, p in study._store.samples.draw(n, "evaluation")] for n in range(4)]
    assert all(keys == evaluations[0] for keys in evaluations)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda s: s.fork(9), "There is no round 9; known: 0 to 3."),
        (lambda s: s.fork(3), "r0003 is not finished, so no round can start from it."),
        (lambda s: s.redo(9), "There is no round 9"),
        (lambda s: s.redo(3), "r0003 cannot be trained again: it is not finished."),
        (lambda s: s.redo(0), "r0000 cannot be trained again: it only evaluates the base."),
        (lambda s: s.evaluate(3), "r0003 is not finished."),
        (lambda s: s.compare(0, 3), "r0003 is not evaluated yet."),
        (lambda s: s.compare(0, 9), "There is no round 9"),
        (lambda s: s.round(-1), "There is no round -1"),
        (lambda s: s.step(to="trian"), "No phase is named 'trian'; known: draw, sample, verify"),
        (lambda s: s.fork(1, "seed=3"), "seed belongs to the whole study and stays 0."),
        (lambda s: s.fork(1, "draw.problems=0"), "draw.problems is 0"),
        (lambda s: s.configure("model.base=tiny"), "model belongs to the whole study"),
        (lambda s: s.configure("task.nodes=5"), "task belongs to the whole study"),
        (lambda s: s.configure("task.name=chain"), "task belongs to the whole study"),
        (lambda s: s.configure("curriculum.lowest=9"), "9"),
        (lambda s: s.configure("curriculum.nothing=9"), "no setting"),
        (lambda s: s.configure("trainer.rank=3"), "trainer.rank is 16 in the adapter"),
        (lambda s: s.curriculum.set(rule="bold"), "curriculum.rule is 'bold'"),
        (lambda s: s.curriculum.set(weights={99: 1.0}, rule="fixed"), "99"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_the_study_as_it_was(
    study: Study, act: Any, sentence: str
) -> None:
    study.step(to="sample")
    before = folder_state(study.folder)
    with pytest.raises(sitool.SitoolError) as caught:
        act(study)
    assert sentence in caught.value.message
    assert folder_state(study.folder) == before


def test_configure_holds_from_the_next_round_on_and_says_what_changed(study: Study) -> None:
    study.step(to="draw")
    assert study.configure("draw.samples=2", table={"trainer": {"epochs": 3}}) == {
        "draw.samples": (4, 2),
        "trainer.epochs": (2, 3),
    }
    study.step()
    assert study.round(3).settings.draw.samples == 4
    study.step()
    assert study.round(4).settings.draw.samples == 2
    assert study.configure("draw.samples=2") == {}


def test_harder_and_easier_move_the_mixture_and_come_back(study: Study) -> None:
    study.fork(0)
    at_first = study.curriculum.weights

    def centre(weights: Any) -> float:
        return sum(level * w for level, w in weights.items())

    harder = study.curriculum.harder()
    assert centre(harder) > centre(at_first)
    assert study.curriculum.easier() == at_first
    assert centre(study.curriculum.easier()) < centre(at_first)


def test_manual_weights_are_what_is_drawn(study: Study) -> None:
    study.curriculum.set(rule="manual", weights={5: 1, 6: 2})
    study.step()
    drawn = [p.level for _, p in study._store.samples.draw(3, "train")]
    assert {level: drawn.count(level) for level in set(drawn)} == {5: 8, 6: 16}


def test_the_plan_is_what_the_next_round_draws(study: Study) -> None:
    plan = study.plan()
    study.step()
    assert study.round(3).record.plan == plan


# Stepping.


def test_the_first_step_measures_the_base_before(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    assert study.head is None
    assert study.step().number == 1
    assert [r.record.parent for r in study.rounds()] == [None, 0]
    assert study.round(0).adapter is None
    assert study.round(1).adapter is not None


def test_running_no_round_only_measures_the_base(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    assert study.run(0).number == 0
    assert study.run(0).number == 0
    assert len(study.rounds()) == 1


@pytest.mark.parametrize("phase", list(Phase))
def test_a_round_steps_up_to_a_phase_and_goes_on_from_there(study: Study, phase: Phase) -> None:
    study.step(to=phase)
    record = study.round(3).record
    after = list(Phase)[list(Phase).index(phase) + 1 :]
    assert (record.phase, record.status) == ((after[0], "open") if after else (None, "finished"))
    assert study.step(to=phase).number == 3 if after else 4
    if after:
        assert study.step().record.finished


def test_stepping_to_a_phase_that_is_done_does_nothing_and_says_so(study: Study) -> None:
    study.step(to="select")
    before = round_contents(study.folder, 3)
    happened = list(study.stream_rounds(1, to="sample"))
    assert isinstance(happened[-1], events.RoundPaused)
    after = round_contents(study.folder, 3)
    assert after == before


def test_stop_between_two_events_keeps_what_is_done(study: Study) -> None:
    happened = []
    for event in study.stream_rounds(5):
        happened.append(event)
        if isinstance(event, events.SamplesDrawn):
            study.stop()
    assert isinstance(happened[-1], events.RoundStopped)
    assert happened[-1].during is Phase.SAMPLE
    assert len(list(study.round(3).samples())) == 32
    assert study.step().number == 3


def test_an_adapter_folder_stands_for_every_finished_round(study: Study) -> None:
    for number in (1, 2):
        assert study.round(number).adapter == study.folder / "adapters" / f"r000{number}"
    assert {name.split("/")[1] for name in adapters(study.folder)} == {"r0001", "r0002"}


# Creating.


def test_settings_that_are_wrong_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        sitool.create(tmp_path / "study", assignments=["draw.problems=0"])
    assert not (tmp_path / "study").exists()


def test_a_data_file_is_found_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_ = [f'{{"prompt": "{i}+{i}=", "answer": {2 * i}}}\n' for i in range(40)]
    (tmp_path / "sums.jsonl").write_text("".join(rows_))
    monkeypatch.chdir(tmp_path)
    study = create(Path("study"), "task.name=jsonl", "task.path=sums.jsonl")
    monkeypatch.chdir("/")
    reopened = sitool.open(tmp_path / "study")
    assert reopened.step().number == 1
    study.close()


def test_the_readme_words_of_the_client_work(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    study.step()
    found = list(study.round(1).samples(accepted=True))
    assert found
    assert all(s.accepted and s.completion.text for s in found)
    study.curriculum.harder()
    study.fork(0)
    assert repr(study.round(1)) == "<r0001: finished>"


def test_a_numbered_study_leaves_an_older_one_alone(tmp_path: Path) -> None:
    first, second, third = (
        sitool.create(tmp_path / "class" / "study", preset="scripted", numbered=True)
        for _ in range(3)
    )
    assert [s.folder.name for s in (first, second, third)] == ["study", "study-2", "study-3"]
    first.run(0)
    assert [len(s.rounds()) for s in (first, second, third)] == [1, 0, 0]
