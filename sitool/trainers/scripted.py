"""Training of the scripted model: accepted samples raise its one skill.

The skill's distance to 1 falls by exp(-steps of skill shown / 400), so hard
samples teach more than easy ones, and nothing accepted teaches nothing. No
optimizer, no state.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from sitool.config import TrainerSettings
from sitool.errors import TrainerError
from sitool.models.scripted import ScriptedModel
from sitool.trainers.base import Example, TrainStep

STEPS_TO_LEARN = 400.0
"""Steps of the skill shown that leave 1/e of the distance to a skill of 1."""


class ScriptedTrainer:
    """Takes as many steps as a real trainer would, each in no time."""

    def __init__(self, model: ScriptedModel, settings: TrainerSettings) -> None:
        self._model = model
        self._settings = settings

    def train(
        self, examples: Sequence[Example], *, start: Path | None, seed: int
    ) -> Iterator[TrainStep]:
        """Raise the skill, beginning with that in `start` (None: the base's).

        Raises:
            TrainerError: There is nothing to train on.
        """
        if not examples:
            raise TrainerError(
                "There are no samples to train on.", "try: an easier level, or accept some by hand"
            )
        self._model.use_adapter(start)
        size, epochs = self._settings.batch_size, self._settings.epochs
        batches = [examples[first : first + size] for first in range(0, len(examples), size)]
        steps = epochs * len(batches)
        for step in range(steps):
            yield self._step(batches[step % len(batches)], step + 1, steps)

    def save_state(self, folder: Path) -> None:
        """Write nothing: the skill is the whole state, and the adapter holds it."""

    def _step(self, batch: Sequence[Example], step: int, steps: int) -> TrainStep:
        shown = sum(min(item.weight, 1.0) * item.level for item in batch) / self._settings.epochs
        left = (1 - self._model.skill) * math.exp(-shown / STEPS_TO_LEARN)
        self._model.skill = 1 - left
        loss = -math.log(max(self._model.skill, 1e-9))
        tokens = sum(len(item.prompt_ids) + len(item.completion_ids) for item in batch)
        return TrainStep(step, steps, loss, tokens)
