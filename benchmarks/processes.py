"""The tiny base at work in several processes, against one: the same samples, the same steps.

    python -m benchmarks.processes --threads 2     # two processes of one thread each
    python -m benchmarks.processes --threads 4     # four

What comes out is compared too: it must not differ in a bit.
"""

import time
from collections.abc import Callable

import torch

from benchmarks.bases import path_problems, requests_of
from benchmarks.harness import arguments, compare, show
from sitool.models.loading import load_model
from sitool.models.local import LocalModel
from sitool.presets import build_settings
from sitool.samplers.base import Decoding
from sitool.samplers.native import NativeSampler
from sitool.trainers.base import Example
from sitool.trainers.mle import MleTrainer

PROBLEMS, SAMPLES = 512, 8
READING_SECONDS = 15.0
"""For a process to read the base; usually 4."""


class Side:
    """The work in so many processes."""

    def __init__(self, processes: int) -> None:
        choices = [f"engine.processes={processes}", "model.device=cpu", "trainer.epochs=1"]
        self._settings = build_settings("path", assignments=choices)
        model = load_model(self._settings)
        assert isinstance(model, LocalModel)
        self._model = model
        self._sampler = NativeSampler(model, self._settings)
        problems = path_problems(PROBLEMS, seed=1)
        self._requests = requests_of([model.encode(p.prompt) for p in problems], SAMPLES)
        self._examples = [
            Example(model.encode(p.prompt), model.encode_completion(p.truth), p.level, 1.0)
            for p in problems
        ]
        self.drawn: list[tuple[int, ...]] = []

    def draw(self) -> int:
        """Draw from the base, and return how many samples."""
        self._model.fresh_adapter(seed=0)
        chunks = self._sampler.sample(self._requests, Decoding(max_new_tokens=16))
        self.drawn = [item.token_ids for chunk in chunks for row in chunk for item in row]
        return len(self.drawn)

    def learn(self) -> int:
        """Learn from the truths, and return from how many."""
        trainer = MleTrainer(self._model, self._settings.trainer)
        list(trainer.train(self._examples, start=None, seed=0))
        return len(self._examples)

    def warm_up(self) -> None:
        """Draw until every process has had the time to read the base."""
        deadline = time.monotonic() + READING_SECONDS
        while time.monotonic() < deadline:
            self.draw()

    def outcome(self) -> tuple[list[tuple[int, ...]], bytes]:
        """Return the samples drawn last, and the weights as they are."""
        return self.drawn, self._model.learnt().weights

    def close(self) -> None:
        """End the processes."""
        self._model.close()


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    torch.set_num_threads(1)
    several, one = Side(options.threads), Side(1)
    several.warm_up()
    works: list[tuple[str, Callable[[], float], Callable[[], float], str]] = [
        ("drawing", several.draw, one.draw, "samples/s"),
        ("learning", several.learn, one.learn, "samples/s"),
    ]
    found = [
        compare(f"{name} in {options.threads} processes, not one", ours, peer, unit, options.runs)
        for name, ours, peer, unit in works
    ]
    same = several.outcome() == one.outcome()
    several.close()
    show(found, options.json, f"the outcome is {'the same' if same else 'NOT THE SAME'}")


if __name__ == "__main__":
    main()
