"""Which sampler and precision is the quickest for a base on this machine: tried out.

Each candidate runs in a process of its own (`samplers/speed.py`), for a native
library may end the process it is in. Results are kept beside the machine's rates.
What this leaves out: how the base learns; that is always torch.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from sitool import registry
from sitool.config import Settings
from sitool.errors import MissingDependencyError
from sitool.planning import machines
from sitool.presets import build_settings
from sitool.seeds import generator
from sitool.tasks.base import Task

PROGRAM = "from sitool.samplers.speed import main; main()"
TRIAL_SECONDS = 240.0
FILE = "trials.json"
PROMPTS = 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of sampling.

    Attributes:
        assignments: The settings that choose it.
        remark: What it means for log-probabilities and learning; nothing if all is exact.
    """

    assignments: tuple[str, ...]
    remark: str

    @property
    def name(self) -> str:
        """Return its name for a person.

        >>> Candidate(("sampler.name=native", "model.dtype=float32"), "").name
        'native float32'
        """
        values = [text.partition("=")[2] for text in self.assignments]
        return f"{values[0]} {values[-1]}"

    @property
    def key(self) -> str:
        """Return its name in the cache."""
        return " ".join(self.assignments)


@dataclass(frozen=True, slots=True)
class Trial:
    """How quick a candidate is.

    Attributes:
        small: Tokens a second for 4 samples of one prompt.
        batch: Tokens a second for as many rows as a round's chunk has, or as were affordable.
        rows: How many these were.
    """

    small: float
    batch: float
    rows: int


ROUNDED = "samples from rounded weights, so its log-probabilities are approximate"
HALF = "samples and trains in half precision, so log-probabilities are approximate"
CANDIDATES = {
    "native": {
        "float32": Candidate(("sampler.name=native", "model.dtype=float32"), ""),
        "bfloat16": Candidate(("sampler.name=native", "model.dtype=bfloat16"), HALF),
    },
    "llamacpp": {
        precision: Candidate(
            ("sampler.name=llamacpp", "model.dtype=float32", f"llamacpp.dtype={precision}"),
            "" if precision == "f32" else ROUNDED,
        )
        for precision in ("f32", "f16", "q8_0")
    },
}


def candidates() -> Iterator[Candidate]:
    """Yield the ways of sampling that this installation has."""
    for name in registry.names("sampler"):
        try:
            registry.check_installed("sampler", name)
        except MissingDependencyError:
            continue
        yield from CANDIDATES.get(name, {}).values()


def run_trial(candidate: Candidate, settings: Settings, task: Task) -> Trial | None:
    """Try a candidate in a process of its own; None: it cannot run this base."""
    changed = build_settings(assignments=candidate.assignments, base=settings)
    prompts = [
        task.problem(level, generator("trial", level, number)).prompt
        for number in range(PROMPTS)
        for level in [task.levels[number % len(task.levels)]]
    ]
    body = json.dumps({"settings": changed.model_dump(mode="json"), "prompts": prompts})
    answer = machines.run_child(PROGRAM, [body], TRIAL_SECONDS)
    if answer is None:
        return None
    trial = Trial(**answer)
    machines.write_cache(FILE, _key(settings, candidate.key), asdict(trial))
    return trial


def recommended(tried: list[tuple[Candidate, Trial]]) -> Candidate:
    """Return the quickest candidate for a batch; an exact one if it is within a fifth of it."""
    best = max(trial.batch for _, trial in tried)
    near = [(c, t) for c, t in tried if t.batch >= 0.8 * best]
    exact = [(c, t) for c, t in near if not c.remark]
    return max(exact or near, key=lambda pair: pair[1].batch)[0]


def tokens_a_second(settings: Settings) -> float | None:
    """Return what was measured for these settings, for a batch; None: not tried here."""
    dtype = "float32" if settings.model.dtype == "auto" else settings.model.dtype
    kinds = CANDIDATES.get(settings.sampler.name, {})
    candidate = kinds.get(settings.llamacpp.dtype if settings.sampler.name == "llamacpp" else dtype)
    if candidate is None:
        return None
    entry = machines.read_cache(FILE).get(_key(settings, candidate.key))
    return float(entry["batch"]) if isinstance(entry, dict) and "batch" in entry else None


def _key(settings: Settings, candidate: str) -> str:
    return f"{machines.machine_key(settings.model.threads)} {settings.model.base} {candidate}"
