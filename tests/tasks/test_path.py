"""Paths: what the level promises, and what the explanations say."""

from collections import deque

import pytest

from sitool.errors import TaskError
from sitool.records import Problem
from sitool.seeds import generator
from sitool.tasks.path import PathTask


def shortest_by_search(edges: list[str], start: str, target: str) -> int:
    """Breadth-first search, written without looking at the task."""
    distance = {start: 0}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for source, goal in edges:
            if source == here and goal not in distance:
                distance[goal] = distance[here] + 1
                queue.append(goal)
    return distance[target]


@pytest.mark.parametrize("level", PathTask().levels)
def test_the_level_is_the_length_of_the_shortest_path(level: int) -> None:
    rng = generator("shortest", level)
    for _ in range(50):
        problem = PathTask().problem(level, rng)
        graph, _, query = problem.prompt.rstrip("=").partition("|")
        start, _, target = query.partition(">")
        assert shortest_by_search(graph.split(","), start, target) == level


def test_every_prompt_has_the_same_length_so_it_does_not_give_the_level_away() -> None:
    rng = generator("length")
    lengths = {len(PathTask().problem(level, rng).prompt) for level in PathTask().levels}
    assert len(lengths) == 1


def path_problem(edges: list[str], start: str, target: str, distance: int) -> Problem:
    facts = {"edges": edges, "start": start, "target": target, "distance": distance}
    return Problem("path", distance, "", "", facts=facts)


def test_a_detour_passes_unless_a_shortest_path_is_asked_for() -> None:
    problem = path_problem(["ac", "ab", "bc"], "a", "c", 1)
    assert PathTask().score(problem, "abc").passed
    score = PathTask(shortest=True).score(problem, "abc")
    assert (score.value, score.explanation) == (0.0, "takes 2 edges where 1 suffice")


def test_no_node_may_come_twice() -> None:
    problem = path_problem(["ab", "ba", "ac"], "a", "c", 1)
    assert PathTask().score(problem, "abac").explanation == "visits a twice"


@pytest.mark.parametrize(
    ("change", "explanation"),
    [
        (lambda p: "z" + p[1:], "starts at z, not at"),
        (lambda p: p[:-1] + "z", "z is not an edge"),
        (lambda p: p[:-1], "ends at"),
    ],
)
def test_the_explanation_says_where_a_path_breaks(change: object, explanation: str) -> None:
    assert callable(change)
    problem = PathTask().problem(4, generator("explanation"))
    score = PathTask().score(problem, change(problem.truth))
    assert score.value == 0.0
    assert explanation in score.explanation


def test_a_right_path_inside_other_text_is_flexible_only() -> None:
    problem = PathTask().problem(3, generator("flexible"))
    for written in (" -> ".join(problem.truth), ",".join(problem.truth), problem.truth):
        score = PathTask().score(problem, f"I go {written}.")
        assert (score.value, score.flexible) == (0.0, 1.0)


def test_the_order_of_edges_does_not_make_another_problem() -> None:
    problem = PathTask().problem(2, generator("identity"))
    graph, _, query = problem.identity.partition("|")
    assert graph.split(",") == sorted(problem.facts["edges"])
    assert query == f"{problem.truth[0]}>{problem.truth[-1]}"


@pytest.mark.parametrize("settings", [{"nodes": 8}, {"nodes": 27}, {"extra_edges": 99}])
def test_an_impossible_graph_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(TaskError, match=r"needs at least|allows"):
        PathTask(**settings)  # type: ignore[arg-type]
