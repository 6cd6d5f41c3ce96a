"""Reading a base from disk: its weights, its tokenizer, its limits.

Only safetensors files are read, and Python that a base brings runs only where it is
agreed to. What is wrong with a base is said in one sentence, whatever transformers
says. What this leaves out: where a base is (`folders.py`).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import transformers

from sitool.config import ModelSettings
from sitool.errors import ModelError
from sitool.models.code import may_run


def hash_weights(folder: Path) -> str:
    """Hash the bytes of a folder's weight files to 16 hex digits.

    About 1 s per GB, once per process and state of the files.
    """
    stats = [(path, path.stat()) for path in sorted(folder.glob("*.safetensors"))]
    return _hash_files(tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats))


@lru_cache(maxsize=8)
def _hash_files(files: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for path, _, _ in files:
        for block in _blocks(Path(path)):
            digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            yield block


def load_tokenizer(settings: ModelSettings, folder: Path) -> Any:
    """Read the base's own tokenizer.

    Raises:
        ModelError: There is none, it has no chat template where one is asked for, or its
            code is not agreed to.
    """
    trusted = may_run(settings, folder)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trusted
        )
    except Exception as error:
        raise ModelError(
            f"The base {settings.base!r} has no tokenizer that can be read: {first_line(error)}",
            f"try: look at the files in {str(folder)!r}",
        ) from error
    if settings.template == "chat" and not tokenizer.chat_template:
        raise ModelError(
            f"The base {settings.base!r} has no chat template.",
            "try: set model.template to 'plain'",
        )
    return tokenizer


def load_causal_lm(settings: ModelSettings, folder: Path) -> Any:
    """Read the base's weights and put them where the settings say.

    Raises:
        ModelError: The folder does not hold a whole causal language model, or one whose
            code is not agreed to.
    """
    trusted = may_run(settings, folder)
    device = pick_device(settings.device)
    dtype = pick_dtype(settings.dtype, device)
    if trusted:
        _forget_classes()
    try:
        with no_progress_bars():
            causal_lm, info = transformers.AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=trusted,
                output_loading_info=True,
            )
    except Exception as error:
        raise ModelError(
            f"The base {settings.base!r} cannot be loaded as a causal language model: "
            f"{first_line(error)}",
            "allowed: a folder with config.json and *.safetensors of a causal language model",
        ) from error
    _check_whole(settings.base, causal_lm, info["missing_keys"])
    return causal_lm.to(device)


def _forget_classes() -> None:
    """Let transformers take a base's code as it is now.

    It keeps the class that a base's own code gave for a config, and would go on with it
    after the code was changed and agreed to again.
    """
    mapping = transformers.AutoModelForCausalLM._model_mapping
    kept: dict[type, Any] = getattr(mapping, "_extra_content", {})
    for config in [kind for kind in kept if kind.__module__.startswith("transformers_modules.")]:
        del kept[config]


def _check_whole(name: str, causal_lm: Any, missing: set[str]) -> None:
    if missing:
        raise ModelError(
            f"The weights of the base {name!r} are not those of a {type(causal_lm).__name__}: "
            f"{len(missing)} are missing, among them {min(missing)!r}.",
            "allowed: weights of the architecture that config.json names",
        )


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing bars over whatever screen there is."""
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()


def pick_device(asked: str) -> torch.device:
    """Turn the setting into a device.

    Raises:
        ModelError: CUDA is asked for and not there.
    """
    if asked == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            "model.device is 'cuda', but torch finds no CUDA device.",
            "try: set model.device to 'auto' or 'cpu'",
        )
    automatic = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(automatic if asked == "auto" else asked)


def pick_dtype(asked: str, device: torch.device) -> torch.dtype:
    """Turn the setting into a precision."""
    if asked == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    dtype: torch.dtype = getattr(torch, asked)
    return dtype


def find_end_token(name: str, tokenizer: Any, causal_lm: Any) -> int:
    """Return the end token: the tokenizer's own, else the first that generation stops at.

    Raises:
        ModelError: There is none.
    """
    configured = getattr(causal_lm.generation_config, "eos_token_id", None)
    for candidate in (tokenizer.eos_token_id, configured):
        first = candidate[0] if isinstance(candidate, list) else candidate
        if first is not None:
            return int(first)
    raise ModelError(
        f"The base {name!r} has no end token, so a completion could never stop.",
        "try: give its tokenizer an eos_token",
    )


def find_context(causal_lm: Any) -> int | None:
    """Return the most tokens of a prompt and its completion; None: no limit known."""
    config = causal_lm.config.get_text_config()
    limit = getattr(config, "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else None


def first_line(error: Exception) -> str:
    """Return an error's first line, which for transformers says what is wrong."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
