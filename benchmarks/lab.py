"""How quickly the laboratory simulates, beside a plain Python loop: `python -m benchmarks.lab`.

    python -m benchmarks.lab               # learners, memory, one phase diagram; a minute or two
    python -m benchmarks.lab --diagrams    # the diagrams of the chain and of tables too

The plain loop plays some runs of the same law, and its results must be distributed like
ours, by a Kolmogorov-Smirnov test of the skill and of accepted samples.
"""

import json
import random
import subprocess
import sys
import time
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Comparison, arguments, compare, show
from benchmarks.plain_lab import PlainLearner, chain_steps, play_plainly, shared_steps
from sitool import lab
from sitool.lab.skills import StepLearner

LENGTHS = [1, 2, 4, 8, 16, 32, 64, 128]
INITIAL, PROMPTS, ROUNDS, RUNS, PLAIN_RUNS = 0.6, 256, 20, 10_000, 10
WITNESSES = 150
"""Plain runs whose distribution is compared with ours."""
KINDS = {
    "b, shared skill": (lab.SharedSkill, shared_steps),
    "c, chain of skills": (lab.SkillChain, chain_steps),
}
MEMORY = (
    "from sitool import lab; lab.simulate(lab.SkillChain({}, {}), {!r}, prompts={}, rounds={},"
    " runs={}); print(open('/proc/self/status').read())"
)

Floats = NDArray[np.float64]


def ours(kind: type[StepLearner], rule: str) -> float:
    """Play all runs and return how many they were."""
    lab.simulate(kind(INITIAL, LENGTHS), rule, prompts=PROMPTS, rounds=ROUNDS, runs=RUNS)
    return RUNS


def plainly(steps: list[list[int]], runs: int, first: int = 0) -> tuple[Floats, Floats]:
    """Play runs one by one; returns their last skills, and the accepted samples of each round."""
    skills, accepted = [], []
    for seed in range(first, first + runs):
        learner = PlainLearner([INITIAL] * len(steps[0]), steps, 20.0, random.Random(seed))
        accepted.append(play_plainly(learner, [PROMPTS // len(LENGTHS)] * len(LENGTHS), ROUNDS))
        skills.append(learner.skills)
    return np.array(skills), np.array(accepted, dtype=np.float64)


def peer(steps: list[list[int]]) -> float:
    """Play a few runs plainly and return how many they were."""
    plainly(steps, PLAIN_RUNS)
    return PLAIN_RUNS


def distance(first: Floats, second: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples, times sqrt(nm / (n + m))."""
    both = np.concatenate([first, second])
    shares = [np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (first, second)]
    scale = np.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return float(np.abs(shares[0] - shares[1]).max() * scale)


def worst_distance(kind: type[StepLearner], steps: list[list[int]]) -> float:
    """Return the largest distance of skills after the last round and accepted samples of each."""
    skills, accepted = plainly(steps, WITNESSES, first=1_000)
    run = lab.simulate(
        kind(INITIAL, LENGTHS), "uniform", prompts=PROMPTS, rounds=ROUNDS, runs=RUNS, seed=1
    )
    mine = run.series("accepted")[1:]
    found = [distance(skills[:, s], run.skill[-1, :, s]) for s in range(skills.shape[1])]
    return max(found + [distance(accepted[:, t], mine[t]) for t in range(ROUNDS)])


def peak_bytes(rule: str) -> int:
    """Return the most memory that a process holds which plays all runs of the chain."""
    code = MEMORY.format(INITIAL, LENGTHS, rule, PROMPTS, ROUNDS, RUNS)
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def seconds_of_diagram(learner: str) -> tuple[float, float]:
    """Return wall and processor seconds of 40 x 40 cells x 200 runs."""
    plan = lab.DiagramPlan(
        lab.Axis("initial", np.linspace(0.1, 0.95, 40).tolist()),
        lab.Axis("prompts", np.geomspace(8, 1024, 40).tolist()),
        learner=learner,
    )
    wall, processor = time.perf_counter(), time.process_time()
    lab.phase_diagram(plan)
    return time.perf_counter() - wall, time.process_time() - processor


def milliseconds_of_move(learner: str) -> float:
    """Return the processor's time for two curves of 1,000 runs, as a slider's move asks for."""
    seconds = []
    for seed in range(21):
        began = time.process_time()
        for rule in ("adaptive", "uniform"):
            law = lab.make_learner(learner, INITIAL, [1, 2, 4, 8, 16])
            lab.simulate(law, rule, rounds=12, runs=1000, seed=seed).band("success", level=5)
        seconds.append(time.process_time() - began)
    return 1000 * float(np.median(seconds))


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "", "--diagrams")
    compared: list[Comparison] = []
    other: dict[str, Any] = {}
    for label, (kind, table) in KINDS.items():
        steps = table(LENGTHS)
        compared.append(
            compare(
                f"{label}, uniform", partial(ours, kind, "uniform"), partial(peer, steps),
                "runs/s", options.runs,
            )
        )  # fmt: skip
        other[f"{label}: seconds for {RUNS:,} runs, uniform"] = round(RUNS / compared[-1].ours, 2)
        began = time.perf_counter()
        ours(kind, "adaptive")
        other[f"{label}: the same, adaptive"] = round(time.perf_counter() - began, 2)
        other[f"{label}: largest distance to the plain loop (1.95 is chance 0.001)"] = round(
            worst_distance(kind, steps), 2
        )
    other["peak memory, chain, adaptive, MB"] = round(peak_bytes("adaptive") / 1e6)
    for learner in ("shared", "chain"):
        other[f"two curves of {learner}, 1,000 runs x 12 rounds: processor milliseconds"] = round(
            milliseconds_of_move(learner)
        )
    for learner in ("shared", "chain", "tabular") if options.diagrams else ("shared",):
        wall, processor = seconds_of_diagram(learner)
        other[f"diagram of {learner}, 40 x 40 x 200: seconds"] = round(wall, 1)
        other[f"diagram of {learner}: processor seconds"] = round(processor, 1)
    if options.json:
        print(json.dumps({"compared": [asdict(c) for c in compared], "other": other}, indent=2))
        return
    show(compared, as_json=False)
    print("\n".join(f"{name:76} {value}" for name, value in other.items()))


if __name__ == "__main__":
    main()
