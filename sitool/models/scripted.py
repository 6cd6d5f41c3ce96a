"""A model that needs no torch: one number, its skill, instead of weights.

It is for learning the app without waiting, and for tests. Success on level L
is skill ** L: a problem of level L takes L steps of one and the same skill
(MATHS section 1.3, S5).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from sitool.config import ModelSettings, TrainerSettings
from sitool.errors import ModelError
from sitool.models.adapters import check_hash, read_json, replaced_folder
from sitool.seeds import generator

BASE_SKILL = 0.7
FILE = "adapter.json"


class ScriptedModel:
    """A skill in [0, 1]; text is coded by character, and 0 is the end token."""

    end_token = 0

    def __init__(self, name: str = "scripted", base_skill: float = BASE_SKILL) -> None:
        self.name = name
        self.notes: list[str] = []
        self.base_skill = self.skill = base_skill
        self.base_hash = hashlib.blake2b(str(base_skill).encode(), digest_size=8).hexdigest()

    @classmethod
    def load(cls, settings: ModelSettings, trainer: TrainerSettings) -> Self:
        """Make the model; there is nothing to read."""
        return cls(settings.base)

    def success(self, level: int) -> float:
        """Return the chance of a right answer to a problem of a level."""
        return float(self.skill**level)

    def belief(self, question: str, level: int) -> float:
        """Return the probability that it gives to the right verdict on a question.

        It judges as well as it answers: right with chance skill ** level, and the
        surer, the easier the level.
        """
        sure = 0.5 + 0.49 * self.success(level)
        right = generator("belief", question).random() < self.success(level)
        return sure if right else 1 - sure

    def encode(self, prompt: str) -> tuple[int, ...]:
        """Turn a prompt into character codes."""
        return tuple(map(ord, prompt))

    def encode_completion(self, text: str) -> tuple[int, ...]:
        """Turn a completion into character codes and the end token."""
        return (*map(ord, text), self.end_token)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Turn character codes into text."""
        return "".join(chr(token) for token in token_ids if token != self.end_token)

    def use_adapter(self, folder: Path | None) -> None:
        """Take over the skill that a folder holds; None: the base's own.

        Raises:
            ModelError: The folder is missing, broken, or of another base.
        """
        if folder is None:
            self.skill = self.base_skill
            return
        content = read_json(folder / FILE)
        check_hash(folder, content, self.name, self.base_hash)
        skill = content.get("skill")
        if not isinstance(skill, (int, float)) or not 0 <= skill <= 1:
            raise ModelError(f"{str(folder / FILE)!r} has the skill {skill!r}, not one in [0, 1].")
        self.skill = float(skill)

    def save_adapter(self, folder: Path) -> None:
        """Write the skill, and which base it belongs to."""
        content = {"base": self.name, "base_hash": self.base_hash, "skill": self.skill}
        with replaced_folder(folder) as draft:
            (draft / FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def breathe_with(self, breathe: Callable[[], None]) -> None:
        """There is no network to pass through, and no chunk that takes long."""

    def close(self) -> None:
        """No process computes beside this one."""
