"""Paths through a small directed graph.

A problem reads `ab,bc,...|s>t=` and asks for the nodes of a path, `sabt`. The
level is the length of the shortest path, so a problem of level 5 cannot be
solved in four steps. The number of edges does not depend on the level: length
of the prompt gives nothing away. No node may come twice. What it leaves out:
weights, undirected graphs.
"""

import itertools
import random
import re
from typing import ClassVar

from sitool.errors import TaskError
from sitool.records import Problem, Score
from sitool.tasks.base import require_level, verdict

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WITH_ARROWS = re.compile(r"[a-z](?:\s*(?:->|→|[>,-])\s*[a-z]\b)+")


class PathTask:
    """Find a path from one node to another.

    Args:
        nodes: Number of nodes, at most 26.
        extra_edges: Edges beyond one for every node.
        max_level: The longest shortest path that is offered.
        shortest: Whether only a shortest path passes; else any path does.

    Raises:
        TaskError: The graph is too small for the highest level.
    """

    name: ClassVar[str] = "path"
    summary: ClassVar[str] = "find a path through a directed graph; level = its shortest length"

    def __init__(
        self, *, nodes: int = 10, extra_edges: int = 2, max_level: int = 8, shortest: bool = False
    ) -> None:
        if not max_level < nodes <= len(LETTERS) or max_level < 1:
            raise TaskError(
                f"A path task of {nodes} nodes cannot have {max_level} levels: "
                f"it needs at least one more node than levels, and at most {len(LETTERS)} nodes."
            )
        if not 0 <= extra_edges <= nodes * (nodes - 1) // 4:
            raise TaskError(
                f"extra_edges is {extra_edges}; a graph of {nodes} nodes allows "
                f"0 to {nodes * (nodes - 1) // 4}."
            )
        self.nodes = nodes
        self.extra_edges = extra_edges
        self.shortest = shortest
        self.levels = range(1, max_level + 1)

    def problem(self, level: int, rng: random.Random) -> Problem:
        """Draw a graph whose shortest path from start to target has `level` edges."""
        require_level(self, level)
        names = rng.sample(LETTERS[: self.nodes], self.nodes)
        depths = {name: min(place, level) for place, name in enumerate(names[: level + 1])}
        depths |= {name: rng.randint(0, level) for name in names[level + 1 :]}
        path = "".join(names[: level + 1])
        edges = self._edges(path, depths, rng)
        start, target = path[0], path[-1]
        return Problem(
            task=self.name,
            level=level,
            prompt=f"{','.join(edges)}|{start}>{target}=",
            truth=path,
            identity=f"{','.join(sorted(edges))}|{start}>{target}",
            facts={"edges": edges, "start": start, "target": target, "distance": level},
        )

    def _edges(self, path: str, depths: dict[str, int], rng: random.Random) -> list[str]:
        """Draw the other edges and shuffle all of them.

        No edge climbs by more than one depth, so none is a short cut: the start
        has depth 0, the target has depth `level`.
        """
        edges = {path[i : i + 2] for i in range(len(path) - 1)}
        others = [u + v for u in depths for v in depths if u != v and depths[v] <= depths[u] + 1]
        free = [edge for edge in others if edge not in edges]
        missing = max(self.nodes + self.extra_edges - len(edges), 0)
        chosen = sorted(edges) + rng.sample(free, min(missing, len(free)))
        rng.shuffle(chosen)
        return chosen

    def parse(self, completion: str) -> str | None:
        """Read a path: lower-case letters and nothing else."""
        text = completion.strip()
        return text if re.fullmatch(r"[a-z]{2,}", text) else None

    def score(self, problem: Problem, completion: str) -> Score:
        """Walk the path edge by edge."""
        answer = self.parse(completion)
        fault = self._fault(problem, answer) if answer else "no path of the form 'abc' in the text"
        return verdict(
            answer,
            passed=not fault,
            found_elsewhere=any(not self._fault(problem, p) for p in _paths_anywhere(completion)),
            why=fault or f"{answer} is a path from start to target",
        )

    def _fault(self, problem: Problem, path: str) -> str:
        """Say where a path breaks, or nothing."""
        facts = problem.facts
        if path[0] != facts["start"]:
            return f"starts at {path[0]}, not at {facts['start']}"
        edges = set(facts["edges"])
        for source, goal in itertools.pairwise(path):
            if source + goal not in edges:
                return f"{source}>{goal} is not an edge"
        twice = next((node for node in path if path.count(node) > 1), "")
        if twice:
            return f"visits {twice} twice"
        if path[-1] != facts["target"]:
            return f"ends at {path[-1]}, not at {facts['target']}"
        if self.shortest and len(path) - 1 > facts["distance"]:
            return f"takes {len(path) - 1} edges where {facts['distance']} suffice"
        return ""


def _paths_anywhere(text: str) -> list[str]:
    """Find what could be a path: runs of letters, or letters with arrows between them."""
    with_arrows = WITH_ARROWS.findall(text)
    return re.findall(r"[a-z]{2,}", text) + [re.sub(r"[^a-z]", "", path) for path in with_arrows]
