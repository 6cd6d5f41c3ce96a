"""What judges read and write is counted: a round that they slow down is not promised sooner."""

from dataclasses import replace

import pytest
from test_paces import CPU, PAST, RATES, SHAPE, WORK

from sitool.planning.paces import pace_of
from sitool.planning.verdicts import Verdicts, verdicts_of
from sitool.presets import build_settings
from sitool.records import Phase


@pytest.mark.parametrize(
    ("names", "assignments", "expected"),
    [
        (["truth", "majority", "likelihood"], [], Verdicts(0, 0, 2, 1)),
        (["mc", "mc@base", "mc"], [], Verdicts(2, 0, 2, 1)),
        (["likelihood@3", "likelihood_per_token@base"], [], Verdicts(2, 0, 2, 1)),
        (["tournament"], [], Verdicts(1, 0, 2, 1)),
        (["cot_binary"], ["judge.verifications=5"], Verdicts(0, 5, 2, 1)),
        (
            ["tournament", "cot_score", "mc"],
            ["judge.form=words", "judge.max_new_tokens=99"],
            Verdicts(1, 2, 99, 60),
        ),
        (["cross"], ["cross.verifier=cot_score"], Verdicts(0, 1, 2, 1)),
        (["cross"], ["cross.verifier=likelihood", "cross.base=tiny-weak"], Verdicts(1, 0, 2, 1)),
    ],
)
def test_readings_and_writings_are_counted(
    names: list[str], assignments: list[str], expected: Verdicts
) -> None:
    assert verdicts_of(build_settings(assignments=assignments), names) == expected


def test_a_judge_that_writes_takes_longer_than_one_that_reads_than_none() -> None:
    spans = []
    for names in ('["truth"]', '["mc"]', '["mc", "mc@base"]', '["cot_binary"]'):
        settings = build_settings(assignments=[f"verifier.names={names}", "judge.form=words"])
        spans.append(pace_of([], WORK, SHAPE, settings, CPU, RATES).seconds.get(Phase.VERIFY))
    assert spans[0] is None
    given = [span for span in spans if span is not None]
    assert given == sorted(given)
    assert len({high for _, high in given}) == 3


def test_judged_evaluations_take_longer() -> None:
    plain, judged = (
        pace_of([], WORK, SHAPE, build_settings(assignments=some), CPU, RATES)
        for some in ([], ['evaluation.verifiers=["mc"]'])
    )
    assert judged.seconds[Phase.EVALUATE] > plain.seconds[Phase.EVALUATE]
    assert judged.seconds[Phase.SAMPLE] == plain.seconds[Phase.SAMPLE]


def test_earlier_rounds_tell_how_long_their_judges_took() -> None:
    settings = build_settings(assignments=['verifier.names=["mc"]'])
    past = replace(PAST, seconds={**PAST.seconds, Phase.VERIFY: 3.0})
    pace = pace_of([past], WORK, SHAPE, settings, CPU, RATES)
    assert pace.source == "1 earlier round"
    low, high = pace.seconds[Phase.VERIFY]
    assert low < 6.0 < high
