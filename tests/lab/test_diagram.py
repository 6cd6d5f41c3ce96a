"""Phase diagrams against single simulations, the bound, and their own rule."""

import itertools

import numpy as np
import pytest

from sitool import lab
from sitool.errors import LabError, UnknownNameError
from sitool.lab.diagram import decide

SKILLS = lab.Axis("initial", [0.3, 0.6, 0.9])
BUDGETS = lab.Axis("prompts", [4, 64])


def test_a_cell_says_what_the_two_simulations_say() -> None:
    plan = lab.DiagramPlan(SKILLS, BUDGETS, learner="chain", runs=400)
    diagram = lab.phase_diagram(plan)
    lengths = [1, 2, 4, 8, 16]
    for (row, prompts), (column, skill) in itertools.product(
        enumerate(BUDGETS.values), enumerate(SKILLS.values)
    ):
        for rule, found in (("adaptive", diagram.first), ("uniform", diagram.second)):
            alone = lab.simulate(
                lab.SkillChain(skill, lengths), rule, prompts=int(prompts), runs=400, seed=99
            ).band("success", level=5)
            error = np.hypot(alone.error[-1], diagram.error[row, column])
            assert abs(alone.mean[-1] - found[row, column]) < 5 * error + 1e-9


def test_the_overlay_is_the_bound_of_each_cell() -> None:
    plan = lab.DiagramPlan(SKILLS, lab.Axis("prompts", [50, 200, 1000]), runs=2)
    diagram = lab.phase_diagram(plan)
    lengths = [1, 2, 4, 8, 16]
    for row, prompts in enumerate(plan.y.values):
        for column, skill in enumerate(SKILLS.values):
            climbing = lab.easy_to_hard(skill, lengths, 1e4, 0.1 / 12, prompts, 12)
            mixed = lab.fixed_mixture(skill, lengths, [0.2] * 5, 1e4, 0.1 / 12, prompts, 12)
            assert diagram.bound_first[row, column] == pytest.approx(climbing.success(16)[-1])
            assert diagram.bound_second[row, column] == pytest.approx(mixed.success(16)[-1])
    assert diagram.bound_winner[0].tolist() == [lab.Winner.NEITHER] * 3
    assert diagram.bound_winner[2].tolist() == [lab.Winner.FIRST] * 3


@pytest.mark.parametrize(
    ("first", "second", "error", "winner"),
    [
        (0.05, 0.01, 0.0, lab.Winner.NEITHER),
        (0.06, 0.0, 0.01, lab.Winner.FIRST),
        (0.06, 0.0, 0.03, lab.Winner.EVEN),
        (0.5, 0.6, 0.01, lab.Winner.SECOND),
        (0.5, 0.51, 0.0, lab.Winner.EVEN),
        (1.0, 1.0, 0.0, lab.Winner.EVEN),
    ],
)
def test_a_winner_needs_ground_a_margin_and_three_errors(
    first: float, second: float, error: float, winner: lab.Winner
) -> None:
    plan = lab.DiagramPlan(SKILLS, BUDGETS)
    arrays = (np.array([value]) for value in (first, second, error))
    assert decide(plan, *arrays).tolist() == [winner]


def test_a_curriculum_against_itself_hardly_ever_wins() -> None:
    plan = lab.DiagramPlan(
        lab.Axis("initial", np.linspace(0.4, 0.9, 20)), lab.Axis("prompts", np.arange(8, 28)),
        learner="chain", second="adaptive", margin=0.0, runs=30,
    )  # fmt: skip
    diagram = lab.phase_diagram(plan)
    assert (diagram.error > 0).mean() > 0.9
    # With 30 runs the statistic is nearly Student's t of 58: 3 errors are passed by 0.4 %.
    assert diagram.cells(lab.Winner.FIRST) + diagram.cells(lab.Winner.SECOND) <= 8


def test_levels_of_equal_length_leave_nothing_for_a_curriculum_to_gain() -> None:
    plan = lab.DiagramPlan(lab.Axis("initial", [0.2, 0.5]), lab.Axis("spread", [1, 2]), runs=400)
    assert lab.phase_diagram(plan).winner[0].tolist() == [lab.Winner.EVEN] * 2


def test_the_course_is_the_mean_over_rounds_and_tells_who_is_sooner() -> None:
    plans = [
        lab.DiagramPlan(SKILLS, lab.Axis("spread", [16]), learner="shared", measure=measure)
        for measure in ("final", "course")
    ]
    final, course = (lab.phase_diagram(plan) for plan in plans)
    run = lab.simulate(lab.SharedSkill(0.6, [1, 2, 4, 8, 16]), "adaptive", runs=2000)
    assert course.first[0, 1] == pytest.approx(run.success[1:, :, -1].mean(), abs=0.01)
    assert final.winner[0, 1] == lab.Winner.EVEN
    assert course.winner[0, 1] == lab.Winner.FIRST


def test_a_diagram_can_be_watched_and_left() -> None:
    seen: list[tuple[int, int]] = []
    plan = lab.DiagramPlan(SKILLS, BUDGETS, runs=5)
    lab.phase_diagram(plan, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    rows = lab.diagram_rows(plan)
    assert next(rows).index == 0
    rows.close()
    assert list(rows) == []


def test_cells_and_agreement_are_counts() -> None:
    diagram = lab.phase_diagram(lab.DiagramPlan(SKILLS, BUDGETS, runs=5))
    assert sum(diagram.cells(winner) for winner in lab.Winner) == 6
    assert 0 <= diagram.agreement() <= 1
    same = [a == b for a, b in zip(diagram.winner.flat, diagram.bound_winner.flat, strict=True)]
    assert diagram.agreement() == sum(same) / 6


def test_a_table_learns_nothing_from_a_curriculum_that_stays_below() -> None:
    plan = lab.DiagramPlan(
        lab.Axis("initial", [0.7]), lab.Axis("prompts", [256]), learner="tabular",
        first="easiest", second="hardest", levels=3, spread=3, runs=20,
    )  # fmt: skip
    assert lab.phase_diagram(plan).winner.tolist() == [[lab.Winner.SECOND]]


def test_axes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="No axis is named 'skill'"):
        lab.DiagramPlan(lab.Axis("skill", [0.5]), BUDGETS)
    with pytest.raises(LabError, match="they must differ, and spread can only be y"):
        lab.DiagramPlan(lab.Axis("spread", [4]), BUDGETS)
    with pytest.raises(LabError, match="x = prompts and y = prompts"):
        lab.DiagramPlan(BUDGETS, BUDGETS)
    with pytest.raises(UnknownNameError, match="No learner is named 'shard'"):
        lab.DiagramPlan(SKILLS, BUDGETS, learner="shard")
    with pytest.raises(UnknownNameError, match="No measure is named 'end'"):
        lab.DiagramPlan(SKILLS, BUDGETS, measure="end")  # type: ignore[arg-type]
    with pytest.raises(LabError, match="initial on an axis must be above 0"):
        lab.DiagramPlan(lab.Axis("initial", [0.0]), BUDGETS)
