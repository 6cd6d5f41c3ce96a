"""Measures what a forecast needs to know of this machine; a program of its own.

Prints one line of JSON: the fields of `planning.machines.Rates`. Takes a few
seconds. What this leaves out: any particular base; `sitool doctor --bench` is for that.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from sitool.config import ModelSettings, TrainerSettings
from sitool.models import products
from sitool.models.local import LocalModel

SECONDS = 0.4
"""Of each rate."""


def main() -> None:
    """Measure with as many threads as the command line says, and print."""
    torch.set_num_threads(int(sys.argv[1]))
    model = LocalModel.load(ModelSettings(base="tiny", device="cpu"), TrainerSettings())
    on_gpu = torch.cuda.is_available()
    found = {
        "layer_seconds": layer_seconds(model),
        "process_bytes": resident_bytes(),
        "flops": flops(torch.float32),
        "half_flops": flops(torch.bfloat16),
        "logits": logits_a_second(),
        "cuda": torch.cuda.get_device_name(0) if on_gpu else "",
    }
    print(json.dumps(found))


def resident_bytes() -> int:
    """Return what this process holds in memory now; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def flops(dtype: torch.dtype) -> float:
    """Return the operations a second of matrices as a middling base has them."""
    x, w = torch.randn(256, 1024, dtype=dtype), torch.randn(2048, 1024, dtype=dtype)
    return 2 * 256 * 1024 * 2048 * times_a_second(lambda: products.linear(x, w))


def logits_a_second() -> float:
    """Return how many logits a second a token can be drawn from."""
    rows = torch.randn(32, 51_200)
    return rows.numel() * times_a_second(
        lambda: rows.log_softmax(-1).exp().view(32, 100, 512).sum(-1), least=2
    )


def layer_seconds(model: LocalModel) -> float:
    """Return what a layer costs in a step of one row, which is nearly nothing to compute."""
    ids = torch.ones((1, 1), dtype=torch.long)
    with torch.inference_mode(), model.merged():
        steps = times_a_second(lambda: model.causal_lm(input_ids=ids, use_cache=False))
    return 1 / steps / int(model.causal_lm.config.num_hidden_layers)


def times_a_second(work: Callable[[], object], least: int = 3) -> float:
    """Return how often some work can be done in a second, the first time not counted."""
    work()
    done, started = 0, time.perf_counter()
    while done < least or time.perf_counter() - started < SECONDS:
        work()
        done += 1
    return done / (time.perf_counter() - started)
