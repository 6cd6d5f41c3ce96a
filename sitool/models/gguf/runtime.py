"""llama.cpp in this process: a loaded file, contexts to compute in, adapters on them.

llama.cpp ends the process where it is used wrongly, so everything is checked
before it is called; what it says of other failures is kept and told. What this
leaves out: what the tokens mean, and how the next one is chosen.
"""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import torch
from torch import Tensor

from sitool.errors import ModelError, SamplerError

MOST_SEQUENCES = 256
"""llama.cpp's own limit of a context."""
MAGIC = b"GGUF"
ERROR_LEVEL = 4  # of ggml_log_level; 2 is info, 3 a warning, 5 goes on with the last one.

_said: deque[str] = deque(maxlen=8)


@lru_cache(maxsize=1)
def library() -> Any:
    """Import llama.cpp and keep its messages from the screen."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    import llama_cpp

    # The import has set a callback of its own; ours has to stay alive with the module.
    llama_cpp.sitool_log = llama_cpp.llama_log_callback(_remember)
    llama_cpp.llama_log_set(llama_cpp.sitool_log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


def _remember(level: int, text: bytes, _: Any) -> None:
    if level == ERROR_LEVEL:
        _said.append(text.decode("utf-8", "replace").strip())


def _last_words() -> str:
    """Return what llama.cpp said of its last failure, and forget it."""
    words = "; ".join(_said) or "it does not say why"
    _said.clear()
    return words


class Owned:
    """Something of llama.cpp's, freed before whatever it needs is.

    Python's garbage collector ends objects of a cycle in any order, where
    llama.cpp crashes if a base goes before its contexts. What is kept here is
    held by the finalizer itself, so it is in no cycle and goes last.
    """

    def __init__(self, handle: Any, free: Callable[[Any], None], keeps: list["Owned"]) -> None:
        self.handle = handle
        self.keeps = keeps
        self.free = finalize(self, _free, free, handle, keeps)


def _free(free: Callable[[Any], None], handle: Any, keeps: list[Owned]) -> None:
    free(handle)
    keeps.clear()


class LoadedFile:
    """A base in a GGUF file, in memory.

    Attributes:
        vocabulary_size: Numbers of a row of logits.
        parameters: Of the base.
    """

    def __init__(self, file: Path, vocabulary_only: bool = False) -> None:
        self._library = library()
        _check_header(file)
        _said.clear()
        options = self._library.llama_model_default_params()
        options.vocab_only = vocabulary_only
        options.n_gpu_layers = 0
        handle = self._library.llama_model_load_from_file(str(file).encode(), options)
        if not handle:
            raise ModelError(f"llama.cpp cannot load {str(file)!r}: {_last_words()}.")
        self.file = file
        self.owned = Owned(handle, self._library.llama_model_free, [])
        self._words = self._library.llama_model_get_vocab(handle)
        self.vocabulary_size = int(self._library.llama_vocab_n_tokens(self._words))
        self.parameters = int(self._library.llama_model_n_params(handle))

    def read(self, text: str) -> list[int]:
        """Turn a text into tokens with the file's own vocabulary.

        Raises:
            ModelError: The file has none.
        """
        if self._library.llama_vocab_type(self._words) == self._library.LLAMA_VOCAB_TYPE_NONE:
            raise ModelError(f"{str(self.file)!r} has no vocabulary.")
        raw = text.encode()
        room = len(raw) + 8
        tokens = (self._library.llama_token * room)()
        count = self._library.llama_tokenize(self._words, raw, len(raw), tokens, room, True, True)
        return list(tokens[:count])


def _check_header(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(MAGIC))
    except OSError as error:
        raise ModelError(f"{str(file)!r} cannot be read: {error.strerror}.") from error
    if magic != MAGIC:
        raise ModelError(f"{str(file)!r} is not a GGUF file.")


@lru_cache(maxsize=1)
def _loaded(file: Path, size: int, modified: int) -> LoadedFile:
    return LoadedFile(file)


def load_file(file: Path) -> LoadedFile:
    """Load a file, or return it if it is the one that was loaded last in this process.

    Raises:
        ModelError: It is missing, broken, or none that llama.cpp runs.
    """
    try:
        stat = file.stat()
    except OSError as error:
        raise ModelError(f"{str(file)!r} cannot be read: {error.strerror}.") from error
    return _loaded(file, stat.st_size, stat.st_mtime_ns)


class Adapter:
    """A LoRA adapter in memory, for one loaded file; its file may go once this is made.

    Raises:
        ModelError: It does not fit the base.
    """

    def __init__(self, base: LoadedFile, file: Path) -> None:
        self.base = base
        _check_header(file)
        _said.clear()
        handle = library().llama_adapter_lora_init(base.owned.handle, str(file).encode())
        if not handle:
            raise ModelError(f"llama.cpp cannot load the adapter {str(file)!r}: {_last_words()}.")
        self.owned = Owned(handle, library().llama_adapter_lora_free, [base.owned])
        # At the end of the process contexts still use it; it goes with its base.
        self.owned.free.atexit = False


@dataclass(frozen=True, slots=True)
class Room:
    """How much a context holds.

    Attributes:
        cells: Tokens, of all sequences together; one that several share counts once.
        sequences: Numbered from 0.
        batch: Most tokens of one pass.
        outputs: Most rows of logits of one pass.
    """

    cells: int
    sequences: int
    batch: int
    outputs: int

    def holds(self, other: "Room") -> bool:
        """Whether nothing of the other is larger."""
        return self == self.joined(other)

    def joined(self, other: "Room") -> "Room":
        """Return room enough for either."""
        return Room(
            max(self.cells, other.cells),
            max(self.sequences, other.sequences),
            max(self.batch, other.batch),
            max(self.outputs, other.outputs),
        )


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a pass.

    Attributes:
        sequences: Who has it at this position.
        wanted: Whether its logits are.
    """

    id: int
    position: int
    sequences: Sequence[int]
    wanted: bool


class Watch:
    """Lets work be left within a pass: no error may cross llama.cpp's own frames."""

    def __init__(self, breathe: Callable[[], None]) -> None:
        self.breathe = breathe
        self._raised: BaseException | None = None

    def look_up(self, _: Any) -> bool:
        """Tell llama.cpp whether to leave the pass."""
        try:
            self.breathe()
        except BaseException as error:
            self._raised = error
        return self._raised is not None

    def raise_again(self) -> None:
        """Raise what was raised within the pass, if anything was."""
        if self._raised is not None:
            raised, self._raised = self._raised, None
            raise raised


class Context:
    """Where sequences of tokens are computed, beside each other.

    Args:
        base: The loaded file.
        room: How much it holds.
        threads: Of the CPU.
        exact: Whole precision for keys and values, and no flash attention; else
            half precision, and flash attention.
        breathe: Called before every pass; what it raises leaves the work.
        often: Call it within a pass, too: for a base whose passes take long.
    """

    def __init__(
        self,
        base: LoadedFile,
        room: Room,
        *,
        threads: int,
        exact: bool,
        breathe: Callable[[], None] = lambda: None,
        often: bool = False,
    ) -> None:
        self._library = lib = library()
        _check_room(room)
        self.base, self.room = base, room
        self._watch = Watch(breathe)
        options = lib.llama_context_default_params()
        options.n_ctx, options.n_seq_max = room.cells, room.sequences
        options.n_batch = options.n_ubatch = room.batch
        options.n_outputs_max = room.outputs
        options.n_threads = options.n_threads_batch = threads
        options.kv_unified = True
        options.no_perf = True
        kind = lib.GGML_TYPE_F32 if exact else lib.GGML_TYPE_F16
        options.type_k = options.type_v = kind
        options.flash_attn_type = int(not exact)
        _said.clear()
        self._handle = lib.llama_init_from_model(base.owned.handle, options)
        if not self._handle:
            raise SamplerError(f"llama.cpp cannot make a context: {_last_words()}.")
        self._owned = Owned(self._handle, lib.llama_free, [base.owned])
        self._memory = lib.llama_get_memory(self._handle)
        self._abort = lib.ggml_abort_callback(self._watch.look_up)
        if often:
            lib.llama_set_abort_callback(self._handle, self._abort, ctypes.c_void_p(0))

    def close(self) -> None:
        """Give back the memory; nothing else may be called then."""
        self._owned.free()

    def use(self, adapter: Adapter | None) -> None:
        """Compute with this adapter from now on, or with none, and forget all tokens."""
        if adapter is not None and adapter.base is not self.base:
            raise SamplerError("An adapter can only be laid over the file that it was loaded for.")
        # Keys and values that another adapter has computed are wrong for this one.
        self.forget()
        handles = [] if adapter is None else [adapter.owned.handle]
        listed = (self._library.llama_adapter_lora_p_ctypes * len(handles))(*handles)
        scales = (ctypes.c_float * len(handles))(*[1.0] * len(handles))
        if self._library.llama_set_adapters_lora(self._handle, listed, len(handles), scales):
            raise SamplerError(f"llama.cpp cannot use an adapter: {_last_words()}.")
        # Only now may the former one be freed.
        self._owned.keeps[1:] = [] if adapter is None else [adapter.owned]

    def forget(self, sequence: int | None = None, start: int = 0) -> None:
        """Drop a sequence's tokens from a position on, or everything."""
        if sequence is None:
            self._library.llama_memory_clear(self._memory, False)
        else:
            self._check_sequence(sequence)
            self._library.llama_memory_seq_rm(self._memory, sequence, start, -1)

    def share(self, source: int, target: int, length: int) -> None:
        """Let a sequence begin with the first tokens of another, at no cost."""
        self._check_sequence(source)
        self._check_sequence(target)
        self._library.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def run(self, tokens: Sequence[Token]) -> Tensor:
        """Compute these tokens and return the logits that are wanted, [wanted, vocabulary].

        Raises:
            SamplerError: They do not fit, or llama.cpp fails.
        """
        rows = []
        for start in range(0, len(tokens), self.room.batch):
            self._watch.breathe()
            rows.append(self._pass(tokens[start : start + self.room.batch]))
        return torch.cat(rows) if rows else torch.empty(0, self.base.vocabulary_size)

    def _pass(self, tokens: Sequence[Token]) -> Tensor:
        wanted = self._check(tokens)
        batch, alive = _batch(self._library, tokens)
        _said.clear()
        status = self._library.llama_decode(self._handle, batch)
        del alive  # what the batch points to
        self._watch.raise_again()
        if status != 0:
            raise SamplerError(f"llama.cpp cannot go on (status {status}): {_last_words()}.")
        shape = (wanted, self.base.vocabulary_size)
        if not wanted:
            return torch.empty(shape)
        # The library's own memory is overwritten by the next pass.
        logits = self._library.llama_get_logits(self._handle)
        return torch.from_numpy(np.ctypeslib.as_array(logits, shape).copy())

    def _check(self, tokens: Sequence[Token]) -> int:
        """Return how many rows of logits are wanted.

        Raises:
            SamplerError: llama.cpp would end the process over these tokens.
        """
        wanted = sum(token.wanted for token in tokens)
        if len(tokens) > self.room.batch or wanted > self.room.outputs:
            raise SamplerError(
                f"{len(tokens)} tokens with {wanted} rows of logits do not fit into one pass."
            )
        for token in tokens:
            if not 0 <= token.id < self.base.vocabulary_size:
                raise SamplerError(
                    f"There is no token {token.id} in {str(self.base.file)!r}; "
                    f"it has {self.base.vocabulary_size}."
                )
            for sequence in token.sequences:
                self._check_sequence(sequence)
        return wanted

    def _check_sequence(self, sequence: int) -> None:
        if not 0 <= sequence < self.room.sequences:
            raise SamplerError(f"There is no sequence {sequence} in this context.")


def _check_room(room: Room) -> None:
    fits = 1 <= room.sequences <= MOST_SEQUENCES and room.sequences <= room.outputs <= room.batch
    if not fits or room.cells < 1:
        raise SamplerError(f"llama.cpp cannot make a context with {room}.")


def _batch(lib: Any, tokens: Sequence[Token]) -> tuple[Any, list[Any]]:
    """Return a batch and the arrays that it points to."""
    ids = np.array([token.id for token in tokens], np.int32)
    positions = np.array([token.position for token in tokens], np.int32)
    counts = np.array([len(token.sequences) for token in tokens], np.int32)
    sequences = np.array([s for token in tokens for s in token.sequences], np.int32)
    wanted = np.array([token.wanted for token in tokens], np.int8)
    starts = np.concatenate([[0], np.cumsum(counts[:-1])])
    places = (sequences.ctypes.data + 4 * starts).astype(np.uint64)
    batch = lib.llama_batch()
    batch.n_tokens = len(tokens)
    for name, array in (
        ("token", ids),
        ("pos", positions),
        ("n_seq_id", counts),
        ("seq_id", places),
        ("logits", wanted),
    ):
        kind = dict(lib.llama_batch._fields_)[name]
        setattr(batch, name, ctypes.cast(array.ctypes.data, kind))
    return batch, [ids, positions, counts, sequences, wanted, places]
