"""The report's section on where its numbers come from: versions, seeds, the base, the machine.

Nothing is imported to ask for its version. What a study does not record, the section
says. What this leaves out: how to do it again (`reproducing.py`).
"""

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sitool.config import ModelSettings
from sitool.errors import SitoolError
from sitool.html.figures import duration
from sitool.html.markup import Child, Markup, section, table, tag
from sitool.models.builtin import SCRIPTED
from sitool.planning.shapes import find_folder
from sitool.report.outline import started
from sitool.store import Round, Store
from sitool.summary import Summary

PACKAGES = ("sitool", "torch", "transformers", "peft", "safetensors", "numpy", "pydantic")
MOST_HASHED_BYTES = 4_000_000_000
"""Larger weights are not hashed: it would take longer than all the rest."""


def provenance_section(store: Store, summary: Summary) -> Markup:
    """Say what made the study and the report."""
    first = summary.rounds[0].round
    bases = {r.round.settings.model.base: r.round.settings.model for r in summary.rounds}
    facts: list[tuple[Child, ...]] = [
        ("study", store.folder.name),
        ("seed", str(first.settings.seed)),
        ("rounds", started(summary)),
        ("work", duration(sum(r.round.seconds for r in summary.rounds))),
        *[("base", said_base(settings)) for settings in bases.values()],
        *_judges(store, [r.round for r in summary.rounds]),
        *[(name, _version(name)) for name in PACKAGES],
        ("python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("processor", f"{_processor()}, {os.cpu_count()} logical cores"),
    ]
    note = (
        "Versions and machine are those that wrote this report; a study does not record on which"
        " machine each of its rounds ran."
    )
    return section(
        "provenance", "Provenance",
        table(("what", ""), facts, numbers_from=2), tag("p", note, class_="note"),
    )  # fmt: skip


def said_base(settings: ModelSettings) -> str:
    """Name a base, with the SHA-256 of its weights if they are on this machine."""
    if settings.base == SCRIPTED:
        return f"{SCRIPTED}: a stand-in without weights"
    try:
        return f"{settings.base}: {_hashes(find_folder(settings))}"
    except (SitoolError, OSError):
        return f"{settings.base}: its files are not on this machine, so not hashed"


def _hashes(folder: Path) -> str:
    files = sorted(folder.glob("*.safetensors"))
    size = sum(file.stat().st_size for file in files)
    if not files or size > MOST_HASHED_BYTES:
        return f"not hashed, {size / 1e9:.1f} GB; sha256sum *.safetensors tells it"
    return "; ".join(f"sha256 of {file.name} {_hash(file)}" for file in files)


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _judges(store: Store, rounds: list[Round]) -> list[tuple[Child, ...]]:
    """Say who judged, and which rounds; how each was asked is in the study."""
    asked: dict[str, list[str]] = {}
    for r in rounds:
        for name, _ in store.samples.asked(r.id):
            if r.label not in asked.setdefault(name, []):
                asked[name].append(r.label)
    return [("judge", f"{name}, in {', '.join(labels)}") for name, labels in asked.items()]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Return the processor's name; the system's word for it where that is all there is."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
