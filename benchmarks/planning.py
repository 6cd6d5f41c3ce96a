"""What `sitool plan` says of a round, beside what the round then takes.

    python -m benchmarks.planning                # the built-in base, and a middling one
    python -m benchmarks.planning --large        # Qwen2.5-0.5B's shape too; 5 GB, some minutes

Every shape has a process of its own, whose largest resident memory counts. Each
sample is accepted by hand, since random weights are never right. Time is told twice:
before any round, by this machine's rates, and before the second round, by the first.
"""

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import sitool
from benchmarks.bases import write_half_billion, write_model
from benchmarks.harness import arguments, machine
from sitool.planning import machines
from sitool.planning.estimates import Estimate, gigabytes, span_words
from sitool.records import Action, Phase
from sitool.store import SampleFilter, Store

BOOT = "from benchmarks.planning import child; child()"
COMMON = ("model.device=cpu", "model.threads=1", "selection.cap_per_problem=0")
SMALL = (
    "draw.problems=16",
    "draw.samples=4",
    "evaluation.problems_per_level=2",
    "evaluation.samples=2",
    "sampler.max_new_tokens=24",
    "trainer.epochs=1",
)
LARGE = (*SMALL, "draw.problems=4", "evaluation.highest=2", "trainer.batch_size=8")
MIDDLING = {
    "vocab_size": 100_000,
    "hidden_size": 384,
    "num_hidden_layers": 8,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "intermediate_size": 1536,
}
NARROW = MIDDLING | {"vocab_size": 2_000, "hidden_size": 512, "num_attention_heads": 8}


def child() -> None:
    """Run two rounds in a new study and print what was said before, and what it took."""
    folder, assignments = Path(sys.argv[1]), json.loads(sys.argv[2])
    study = sitool.create(folder, assignments=assignments)
    said = [_said(study.estimate())]
    seconds = [_run(study, folder)]
    said.append(_said(study.estimate()))
    seconds.append(_run(study, folder))
    study.close()
    print(json.dumps({"said": said, "seconds": seconds, "peak": _peak_bytes()}))


def _peak_bytes() -> int:
    """Return the most that this process has held.

    On Linux `ru_maxrss` begins with what the parent held when it started us, so
    the kernel's own figure of this process is read.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _said(found: Estimate) -> dict[str, Any]:
    return {"bytes": found.bytes, "seconds": found.pace.total, "source": found.pace.source}


def _run(study: sitool.Study, folder: Path) -> float:
    """Run a round that trains on everything it drew; returns its seconds."""
    round_ = study.step(to=Phase.VERIFY, inline=True)
    store = Store(folder)
    with store.transaction():
        for sample in list(store.samples.each(SampleFilter(round=round_.number))):
            store.samples.decide(sample.id, Action.ACCEPT, text=None, reason="", author="bench")
    store.close()
    return study.step(inline=True).record.seconds


def measure(folder: Path, assignments: Sequence[str]) -> dict[str, Any]:
    """Run two rounds in a process of their own and return what `child` prints."""
    command = [sys.executable, "-c", BOOT, str(folder), json.dumps([*COMMON, *assignments])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _line(name: str, found: dict[str, Any]) -> str:
    said, peak = found["said"][0]["bytes"], found["peak"]
    lines = [
        f"{name:34} memory: said {gigabytes(said)}, took {gigabytes(peak)} ({said / peak - 1:+.0%})"
    ]
    for told, seconds in zip(found["said"], found["seconds"], strict=True):
        span = told["seconds"]
        words = f"{span_words(span)} by {told['source']}" if span else "nothing"
        lines.append(f"{'':34} time: said {words}; took {seconds:.1f} s")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "", "--large")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    machines.measure_rates(1)
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(Path(__file__).parent.parent):
        root = Path(name)
        shapes: dict[str, tuple[str, tuple[str, ...]]] = {
            "tiny, the default settings": ("tiny", ()),
            "tiny, small chunks": ("tiny", (*SMALL, "sampler.chunk_rows=64")),
        }
        for label, changes in (("56 M, vocabulary 100,000", MIDDLING), ("narrow", NARROW)):
            write_model(root / label, **changes)
            shapes[label] = (str(root / label), SMALL)
        if options.large:
            (root / "qwen").mkdir()
            write_half_billion(root / "qwen", torch.float32)
            shapes["Qwen2.5-0.5B's shape"] = (str(root / "qwen"), LARGE)
        found = {
            label: measure(root / f"study {label}", [f"model.base={base}", *settings])
            for label, (base, settings) in shapes.items()
        }
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(machine())
    print("\n".join(_line(label, figures) for label, figures in found.items()))


if __name__ == "__main__":
    main()
