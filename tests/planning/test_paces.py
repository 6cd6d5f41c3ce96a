"""Seconds from earlier rounds and from rates: closed forms, and a real study."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import create

from sitool.config import EngineSettings, SamplerSettings, Settings
from sitool.parts import make_task
from sitool.planning.machines import Rates
from sitool.planning.memory import Setup
from sitool.planning.paces import ONE_ROUND, SEVERAL_ROUNDS, pace_of, seconds_as_before
from sitool.planning.past import Past, past_rounds
from sitool.planning.shapes import Shape
from sitool.planning.tokens import Vocabulary
from sitool.planning.work import Work, work_of
from sitool.presets import build_settings
from sitool.records import Phase

PAST = Past(
    seconds={Phase.SAMPLE: 10.0, Phase.TRAIN: 20.0, Phase.EVALUATE: 5.0},
    drawn=100, mean_new=10.0, kept=50, trained=5000, answers=40,
)  # fmt: skip
WORK = Work(
    problems=50, drawn=200, evaluated=20, answers=80, examples=100, mean_prompt=20.0,
    longest_prompt=30, most_new=16, new=(10.0, 10.0), learnt=(100.0, 100.0),
)  # fmt: skip
SHAPE = Shape(2, 8, 2, 1, 4, 32, 1000, 0, 10_000, 2_000, 300)
RATES = Rates(400_000_000, 1e9, 1e9, 1e7, 1e-4, "")
CPU = Setup(on_gpu=False, bytes_per_weight=4)


def test_twice_the_work_takes_twice_as_long_give_or_take_a_margin() -> None:
    spans = seconds_as_before([PAST], WORK)
    for phase in (Phase.SAMPLE, Phase.TRAIN, Phase.EVALUATE):
        exact = 2 * PAST.seconds[phase]
        assert spans[phase] == pytest.approx(((1 - ONE_ROUND) * exact, (1 + ONE_ROUND) * exact))


def test_two_rounds_span_what_they_took() -> None:
    slow = replace(PAST, seconds={phase: 2 * s for phase, s in PAST.seconds.items()})
    low, high = seconds_as_before([PAST, slow], WORK)[Phase.SAMPLE]
    assert low == pytest.approx((1 - SEVERAL_ROUNDS) * 20)
    assert high == pytest.approx((1 + SEVERAL_ROUNDS) * 40)


def test_without_rounds_and_rates_nothing_is_claimed() -> None:
    pace = pace_of([], WORK, SHAPE, Settings(), CPU, None)
    assert (pace.source, pace.total) == ("", None)


def test_what_earlier_rounds_do_not_tell_the_rates_do() -> None:
    base_only = replace(PAST, drawn=0, trained=0, kept=0, seconds={Phase.EVALUATE: 5.0})
    pace = pace_of([base_only], WORK, SHAPE, Settings(), CPU, RATES)
    assert pace.source == "1 earlier round and this machine's rates"
    assert set(pace.seconds) >= {Phase.SAMPLE, Phase.TRAIN, Phase.EVALUATE}


def test_chunks_and_parts_of_a_batch_are_shared_out_among_processes() -> None:
    def seconds(processes: int, rows: int) -> dict[Phase, float]:
        settings = Settings(
            engine=EngineSettings(processes=processes), sampler=SamplerSettings(chunk_rows=rows)
        )
        pace = pace_of([], WORK, SHAPE, settings, CPU, RATES)
        return {phase: low for phase, (low, _) in pace.seconds.items()}

    alone, pair = seconds(1, 20), seconds(2, 20)
    for phase in (Phase.SAMPLE, Phase.EVALUATE, Phase.TRAIN):
        assert pair[phase] == pytest.approx(alone[phase] / 2)
    three = seconds(3, 20)[Phase.SAMPLE]
    assert three == pytest.approx(0.4 * alone[Phase.SAMPLE]), "ten chunks take four turns"
    assert seconds(2, 200) == pytest.approx(seconds(1, 200) | {Phase.TRAIN: pair[Phase.TRAIN]})


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 4))
def test_more_samples_never_take_less(one: int, other: int, processes: int) -> None:
    settings = Settings(engine=EngineSettings(processes=processes))
    works = [replace(WORK, problems=n, drawn=4 * n) for n in sorted((one, other))]
    spans = [pace_of([], work, SHAPE, settings, CPU, RATES).seconds[Phase.SAMPLE] for work in works]
    nearly = 1 + 1e-9  # What is the same may be rounded apart.
    assert spans[0][0] <= nearly * spans[1][0]
    assert spans[0][1] <= nearly * spans[1][1]


def of_objective(name: str) -> Settings:
    assignments = [f"trainer.name={name}", "draw.samples=4", "trainer.pairs_per_problem=0"]
    return build_settings(assignments=assignments)


def test_the_pairs_of_an_objective_are_counted_as_what_goes_through_the_network() -> None:
    found = {
        name: work_of(of_objective(name), make_task(Settings()), Vocabulary(frozenset()), {2: 10})
        for name in ("mle", "dpo", "xpo")
    }
    assert found["mle"].examples == 10 * 2  # of the cap of a problem
    assert found["dpo"].examples == 10 * 2 * 6
    assert found["xpo"].examples == 10 * 2 * 16
    assert [found[name].drawn for name in found] == [40, 40, 40]
    assert [found[name].beside for name in found] == [0, 0, 40]


def test_the_passes_of_an_objective_take_their_time() -> None:
    spans = {
        name: pace_of([], replace(WORK, beside=200 * (name == "xpo")), SHAPE, of_objective(name),
                      CPU, RATES).seconds
        for name in ("mle", "dpo", "xpo")
    }  # fmt: skip
    training = [spans[name][Phase.TRAIN][1] for name in spans]
    # 4 operations a weight and token become 4 + 2 and a look under the base over 2 epochs.
    assert 1.3 < training[1] / training[0] < (4 + 2 + 1) / 4 + 0.01
    assert training[1] == training[2]
    sampling = [spans[name][Phase.SAMPLE][1] for name in spans]
    assert sampling[1] == sampling[0] < sampling[2] <= 2 * sampling[0]


def test_a_round_of_another_objective_is_no_witness_for_this_one(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    study.run(1)
    settings = study.settings.model_copy(update={"trainer": of_objective("dpo").trainer})
    (only,) = past_rounds(study._store, 1, settings)
    assert only.drawn == 0
    assert past_rounds(study._store, 1, study.settings)[0].drawn > 0
    study.close()


def test_a_study_s_own_rounds_are_read_back(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    study.run(2)
    past = past_rounds(study._store, 2, study.settings)
    rounds = [study.round(number).record for number in (2, 1)]
    settings = study.settings
    assert [p.drawn for p in past] == [settings.draw.problems * settings.draw.samples] * 2
    assert [sum(p.seconds.values()) for p in past] == pytest.approx(
        [r.seconds for r in rounds], rel=0.2, abs=0.2
    )
    trained = study._store.metrics.of(2, "loss").values()
    assert past[0].trained == sum(m.n or 0 for m in trained)
    assert past_rounds(study._store, 0, settings)[0].drawn == 0
    other = settings.model_copy(
        update={"model": settings.model.model_copy(update={"dtype": "bfloat16"})}
    )
    assert past_rounds(study._store, 2, other) == []
