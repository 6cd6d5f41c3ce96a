"""What to do when memory runs out: tell it from other errors, and let go of what can go.

Leaves out what to make smaller; that is for the part that ran out of it.
"""

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

SIGNS = (
    "out of memory",
    "can't allocate memory",
    "defaultcpuallocator",
    "cublas_status_alloc_failed",
)


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error says that there is no memory left, on a GPU or on the CPU.

    >>> is_exhaustion(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    True
    >>> is_exhaustion(RuntimeError("shapes do not match"))
    False
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def unless_exhausted(work: Callable[[], Result]) -> Result | None:
    """Return what some work gives, or None if memory ran out in it.

    By the time it returns, the tensors of the failed attempt are free: an
    error's traceback would hold on to them.
    """
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_exhaustion(error):
            raise
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def free_bytes(device: torch.device) -> int:
    """Return what a GPU has left, including what torch holds without using it."""
    free, _ = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(free + held)
