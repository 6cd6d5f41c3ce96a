"""Another model altogether as the judge: another base, another adapter, or another round."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from sitool import registry
from sitool.config import Settings
from sitool.errors import ConfigError
from sitool.models.base import Model
from sitool.models.builtin import SCRIPTED
from sitool.models.loading import load_model
from sitool.records import Sample, Score
from sitool.verifiers.base import Court, Judge


class CrossVerifier:
    """Passes samples on to the judge that the settings of `cross` name.

    Source: cross-improvement, g != f (Song et al., "Mind the Gap", ICLR 2025).
    """

    name: ClassVar[str] = "cross"
    source: ClassVar[str] = "judge"

    def __init__(self, court: Court) -> None:
        self._settings = court.settings.cross
        part: type[Any] = registry.load("verifier", self._settings.verifier)
        self._folder = Path(self._settings.adapter).expanduser() if self._settings.adapter else None
        self._own_base = bool(self._settings.base)
        if self._own_base:
            court = elsewhere(court)
        elif self._folder is not None:
            court = replace(court, is_writer=False, number=-1)
        self._court = court
        self._judge: Judge = part(court)

    @property
    def needs_model(self) -> bool:
        """Whether it asks the study's own base."""
        return not self._own_base and self._judge.needs_model

    @property
    def compares(self) -> bool:
        """Whether a sample's score hangs on the others of its problem."""
        return self._judge.compares

    @property
    def writes(self) -> bool:
        """Whether the model writes its verdicts."""
        return self._judge.writes

    @property
    def asked(self) -> Mapping[str, Any]:
        """Who is asked, and how."""
        said = {"verifier": self._settings.verifier, "adapter": self._settings.adapter}
        return dict(self._judge.asked) | said

    def judge(self, samples: Sequence[Sample]) -> list[Score]:
        """Let the other model judge.

        Raises:
            ModelError: The adapter is missing, broken, or of another base.
        """
        if self._own_base or self._folder is not None:
            self._court.model.use_adapter(self._folder)
        return self._judge.judge(samples)


def elsewhere(court: Court) -> Court:
    """Return a court with the other base, which stays loaded beside the study's own.

    Raises:
        ConfigError: Of the two bases one is scripted.
        ModelError: The base cannot be loaded.
    """
    base, settings = court.settings.cross.base, court.settings
    model = settings.model.model_copy(update={"base": base})
    sampler = SCRIPTED if base == SCRIPTED else "native"
    changed = settings.model_copy(
        update={
            "model": model,
            "sampler": settings.sampler.model_copy(update={"name": sampler}),
            "trainer": settings.trainer.model_copy(
                update={"name": SCRIPTED if base == SCRIPTED else "mle"}
            ),
        }
    )
    if (base == SCRIPTED) != (settings.model.base == SCRIPTED):
        raise ConfigError(
            f"cross.base is {base!r} and model.base is {settings.model.base!r}: a scripted base"
            " and a real one cannot judge each other.",
            "try: --set cross.base=tiny on a study of a real base",
        )
    other = load_beside(changed)
    other.breathe_with(court.breathe)
    drawer = registry.load("sampler", sampler)(other, changed)
    return replace(court, model=other, sampler=drawer, settings=changed, is_writer=False, number=-1)


def load_beside(settings: Settings) -> Model:
    """Load a second base; the number of threads stays that of the first.

    Raises:
        ModelError: The base cannot be loaded.
    """
    if settings.model.base == SCRIPTED:
        return load_model(settings)
    import torch

    threads = torch.get_num_threads()
    try:
        return load_model(settings)
    finally:
        torch.set_num_threads(threads)
