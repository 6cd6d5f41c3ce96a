"""The model that the settings name, scripted or real.

The scripted model, sampler and trainer only go together.
"""

import os

from sitool.config import Settings
from sitool.errors import ConfigError
from sitool.models.base import Model
from sitool.models.builtin import SCRIPTED, check_base

SMALL_BASE_PARAMETERS = 20_000_000
MOST_PROCESSES = 4
"""Unless more are asked for: each takes the memory of another."""


def load_model(settings: Settings) -> Model:
    """Load the base, and set the number of threads if it is a real one.

    Raises:
        ConfigError: Scripted parts are mixed with real ones.
        ModelError: The base cannot be loaded.
    """
    check_scripted(settings)
    if settings.model.base == SCRIPTED:
        from sitool.models.scripted import ScriptedModel

        return ScriptedModel.load(settings.model, settings.trainer)
    check_base(settings.model)  # Before seconds of imports.
    import torch

    from sitool.models.crew import Crew
    from sitool.models.local import LocalModel

    model = LocalModel.load(settings.model, settings.trainer)
    parameters = sum(p.numel() for p in model.network.parameters())
    torch.set_num_threads(settings.model.threads or sensible_threads(parameters))
    if model.device.type == "cpu":
        model.crew = Crew(settings, processes_of(settings, parameters))
    return model


def sensible_threads(parameters: int) -> int:
    """Return how many threads a base of this size is worth.

    A small one has little to share out, and its threads wait for each other at
    every step: beside one busy process, two threads took a round of the tiny
    base from 4 s to 50 s. One thread is also the same on every machine, so that
    everyone with the same seed sees the same study.
    """
    return 1 if parameters < SMALL_BASE_PARAMETERS else available_cores()


def processes_of(settings: Settings, parameters: int) -> int:
    """Return how many processes are to compute at once with a base of this size on the CPU."""
    asked, threads = settings.engine.processes, settings.model.threads
    if asked or threads or parameters >= SMALL_BASE_PARAMETERS:
        return asked or 1
    return min(available_cores(), MOST_PROCESSES)


def check_scripted(settings: Settings) -> None:
    """Make sure that base, sampler and trainer are scripted all three, or none.

    Raises:
        ConfigError: They are mixed.
    """
    parts = {
        "model.base": settings.model.base,
        "sampler.name": settings.sampler.name,
        "trainer.name": settings.trainer.name,
    }
    scripted = {name for name, value in parts.items() if value == SCRIPTED}
    if scripted and len(scripted) < len(parts):
        found = ", ".join(f"{name} = {value!r}" for name, value in parts.items())
        raise ConfigError(
            f"Scripted parts only go together, but the settings have {found}.",
            "try: set all three to 'scripted', or none",
        )


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
