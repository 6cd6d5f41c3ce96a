"""What this machine has free now, and what was measured of it once.

Free memory is read from the system. Rates (how fast matrices are multiplied, how
large a process with torch in it is) need torch: they are measured in a process of
their own and kept in the user's cache folder under the machine's name. Unknown is
said as None, never guessed here.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PROBE = "from sitool.models.rates import main; main()"
PROBE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured of a machine.

    Attributes:
        process_bytes: Of a process that has loaded torch, transformers and PEFT
            and has used them once.
        flops: Of matrices of middling size in float32, a second, by threads.
        half_flops: The same in bfloat16.
        logits: That a token is drawn from, a second.
        layer_seconds: A layer's own cost in a step, however small it is.
        cuda: Name of the GPU that torch finds, or nothing.
    """

    process_bytes: int
    flops: float
    half_flops: float
    logits: float
    layer_seconds: float
    cuda: str


def free_bytes(own: int | None = None) -> int | None:
    """Return what processes may still take of the machine's memory; None: not known.

    Args:
        own: A process whose memory counts as free, since it is what will be used.
    """
    free = _linux_free()
    if free is None:
        return None
    limited = _cgroup_free()
    free = free if limited is None else min(free, limited)
    return free + (resident_bytes(own) if own else 0)


def resident_bytes(pid: int) -> int:
    """Return what a process holds in memory, 0 if that cannot be told."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def _linux_free() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _cgroup_free() -> int | None:
    """Return what a container's limit leaves; file pages can be taken back."""
    folder = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        rows = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        files = sum(int(row.split()[1]) for row in rows if row.startswith("inactive_file "))
        return None if limit == "max" else int(limit) - used + files
    return None


def gpu_free_bytes() -> int | None:
    """Return what is free on the first GPU that its driver's tool tells of; None: no tool."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return int(told.stdout.splitlines()[0]) << 20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def cache_file(name: str) -> Path:
    """Return where something measured is kept."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says to ignore a path that is not absolute.
    root = Path(home) if Path(home).is_absolute() else Path("~/.cache").expanduser()
    return root / "sitool" / name


def machine_key(threads: int) -> str:
    """Name this machine as far as speed hangs on it."""
    return f"{platform.node()} {platform.machine()} torch {_torch()} threads {threads}"


@lru_cache(maxsize=1)
def _torch() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        return "none"


def known_rates(threads: int) -> Rates | None:
    """Return what was measured of this machine; None: nothing yet."""
    entry = read_cache("machines.json").get(machine_key(threads))
    try:
        return Rates(**entry) if isinstance(entry, dict) else None
    except TypeError:
        return None


def measure_rates(threads: int) -> Rates | None:
    """Measure this machine in a process of its own, a few seconds, and keep what came out."""
    answer = run_child(PROBE, [str(threads)], PROBE_SECONDS)
    if answer is None:
        return None
    rates = Rates(**answer)
    write_cache("machines.json", machine_key(threads), asdict(rates))
    return rates


def run_child(program: str, arguments: list[str], seconds: float) -> dict[str, Any] | None:
    """Run a program of ours in a fresh interpreter and read the JSON of its last line."""
    command = [sys.executable, "-c", program, *arguments]
    with tempfile.TemporaryFile() as silence:
        try:
            told = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=silence, timeout=seconds, check=True
            )
            answer = json.loads(told.stdout.splitlines()[-1])
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            return None
    return answer if isinstance(answer, dict) else None


def read_cache(name: str) -> dict[str, Any]:
    """Return what is kept in a file; nothing where it is broken."""
    try:
        found = json.loads(cache_file(name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_cache(name: str, key: str, value: Mapping[str, Any]) -> None:
    """Keep something under a key; a folder that cannot be written keeps nothing."""
    file = cache_file(name)
    body = read_cache(name) | {key: dict(value)}
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=file.parent, prefix=".draft-", delete=False, encoding="utf-8"
        ) as draft:
            json.dump(body, draft, indent=1)
        Path(draft.name).replace(file)
