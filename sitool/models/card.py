"""The model card of the built-in base: recipe, hash, and what was measured."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from sitool.models.profile import Profile, balanced_accuracy

WEIGHTS = "model.safetensors"


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def count_parameters(path: Path) -> int:
    """Count the numbers in a safetensors file; tied weights are stored once."""
    with safe_open(path, framework="pt") as file:
        return sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118


def write_card(
    folder: Path, settings: Mapping[str, Any], profiles: Sequence[Profile], seconds: float
) -> None:
    """Write README.md beside the weights."""
    weights = folder / WEIGHTS
    lines = [
        "# A tiny base for self-improvement",
        "",
        "Made from nothing by `python -m sitool.models.tiny`; it has read no text but its own",
        "problems. It is a subject for experiments and knows nothing else.",
        "",
        f"* parameters: {count_parameters(weights):,}",
        f"* sha256 of `{WEIGHTS}`: `{file_hash(weights)}`",
        f"* training: {seconds / 60:.0f} minutes on {settings['threads']} thread(s)",
        "* tokens: printable ASCII characters, and `Correct` and `Incorrect` as whole words",
        "* a verdict is asked for by prompt + answer + `?`",
        "* held-out problems (a fifth of all, by hash) were never drawn in training",
        "",
        *[line for profile in profiles for line in _profile_lines(profile)],
        "## Recipe",
        "",
        *[f"* `{name}`: {value}" for name, value in settings.items()],
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _profile_lines(profile: Profile) -> list[str]:
    """Write the table of one task and the worth of its verdicts."""
    levels = range(1, len(profile.greedy) + 1)
    rates = [balanced_accuracy([j for j in profile.judged if j.level == i]) for i in levels]
    return [
        f"## {profile.task}: {profile.problems} held-out problems for each level",
        "",
        "| level | " + " | ".join(map(str, levels)) + " |",
        "|---" * (len(levels) + 1) + "|",
        "| greedy | " + " | ".join(f"{rate:.2f}" for rate in profile.greedy) + " |",
        "| T = 1 | " + " | ".join(f"{rate:.2f}" for rate in profile.sampled) + " |",
        "| verdicts | " + " | ".join("-" if math.isnan(r) else f"{r:.2f}" for r in rates) + " |",
        "",
        "Verdicts on the base's own answers at T = 1, levels 1 to 6: balanced accuracy",
        f"{balanced_accuracy(profile.judged):.2f} with n = {len(profile.judged)}, of which "
        f"{sum(j.right for j in profile.judged)} are right.",
        "",
    ]
