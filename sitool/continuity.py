"""Which settings may differ between the rounds of a study, and which must stay.

What this leaves out: what a single setting may be (`config/`).
"""

from typing import Any

from sitool.config import Settings
from sitool.errors import StudyError


def check_same_study(before: Settings, after: Settings) -> None:
    """Refuse to change what all rounds of a study share.

    Raises:
        StudyError: The seed, the task or the model would be another one.
    """
    for name in ("seed", "task", "model"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            raise StudyError(
                f"{name} belongs to the whole study and stays {_short(old)}.",
                "try: sitool new, for a study with another one",
            )


def check_same_adapter(before: Settings, after: Settings) -> None:
    """Refuse to go on from an adapter of another shape, or from whole weights.

    Raises:
        StudyError: What is learnt would have another form than what it goes on from.
    """
    old_method, new_method = before.trainer.method, after.trainer.method
    if old_method != new_method:
        raise StudyError(
            f"trainer.method is {old_method!r} in the round that the next one goes on from,"
            f" so it cannot become {new_method!r}.",
            "try: also set trainer.start_from=base, or fork from round 0",
        )
    if new_method == "full":
        return
    for name in ("rank", "alpha"):
        old, new = getattr(before.trainer, name), getattr(after.trainer, name)
        if old != new:
            raise StudyError(
                f"trainer.{name} is {old:g} in the adapter that the next round goes on from,"
                f" so it cannot become {new:g}.",
                "try: also set trainer.start_from=base, or fork from round 0",
            )


def changes_parts(before: Settings, after: Settings) -> bool:
    """Say whether a part has to be made again for other settings."""
    # `judge` and `cross` are looked at whenever a verifier is asked.
    names = ("model", "task", "sampler", "server", "llamacpp", "verifier", "trainer")
    other_processes = before.engine.processes != after.engine.processes
    return other_processes or any(getattr(before, n) != getattr(after, n) for n in names)


def _short(value: Any) -> str:
    if hasattr(value, "model_dump"):
        return (
            ", ".join(f"{k}={v}" for k, v in value.model_dump(exclude_defaults=True).items())
            or "as it is"
        )
    return str(value)
