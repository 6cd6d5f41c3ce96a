"""A Hugging Face causal language model on this machine, with one LoRA adapter.

The adapter is always there; a fresh one changes nothing. Leaves out how a base
is found and read (`bases.py`), how tokens are drawn, how the adapter learns.
"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import peft
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from sitool.config import ModelSettings, TrainerSettings
from sitool.errors import ModelError
from sitool.models import adapters, bases, lora
from sitool.models.adapters import AdapterShape
from sitool.models.bases import first_line


class LocalModel:
    """Base + adapter + tokenizer.

    Attributes:
        name: The base as the settings name it.
        base_hash: blake2b of the base's weight files, 16 hex digits.
        end_token: Ends a completion.
        network: The base with the adapter's layers in it, as a `PeftModel`.
        context: Most tokens of a prompt and its completion; None: no limit known.
        default_shape: Rank and alpha of a fresh adapter.
        shape: Rank and alpha of the adapter that is on.
        adapter: The folder that was put on last; None: a fresh adapter. Training moves
            the weights away from it.
    """

    def __init__(self, settings: ModelSettings, shape: AdapterShape) -> None:
        self._settings = settings
        self.name = settings.base
        folder = bases.find_base(settings)
        self.tokenizer = bases.load_tokenizer(settings, folder)
        causal_lm = bases.load_causal_lm(settings, folder)
        self.base_hash = bases.hash_weights(folder)
        self.end_token = bases.find_end_token(self.name, self.tokenizer, causal_lm)
        self.context = bases.find_context(causal_lm)
        self.default_shape = self.shape = shape
        self.network = _add_lora(causal_lm, shape)
        self._breathing: Any = None
        self._breathe: Callable[[], None] = lambda: None
        self.adapter: Path | None = None
        self.fresh_adapter(seed=0)

    @classmethod
    def load(cls, settings: ModelSettings, trainer: TrainerSettings) -> Self:
        """Read a base and give it a fresh adapter of the trainer's rank.

        Raises:
            ModelError: There is no such base, or it is not a causal language
                model with a tokenizer and an end token.
        """
        return cls(settings, AdapterShape(trainer.rank, trainer.alpha))

    @property
    def causal_lm(self) -> Any:
        """The base's own class, adapter inside, without PEFT's wrapper around it."""
        return self.network.get_base_model()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.network.device
        return device

    def encode(self, prompt: str) -> tuple[int, ...]:
        """Turn a prompt into token ids, through the chat template if one is asked for.

        Raises:
            ModelError: The vocabulary lacks a character of the prompt.
        """
        if self._settings.template == "chat":
            messages = [{"role": "user", "content": prompt}]
            text = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
            return self._ids(text, special=False)
        ids = self._ids(prompt, special=True)
        return ids[:-1] if ids and ids[-1] == self.end_token else ids

    def encode_completion(self, text: str) -> tuple[int, ...]:
        """Turn a person's own completion into token ids, the end token included.

        Raises:
            ModelError: The vocabulary lacks a character of the text.
        """
        return (*self._ids(text, special=False), self.end_token)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Turn a completion's token ids into text without special tokens."""
        return self.decode_many([token_ids])[0]

    def decode_many(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Decode many completions at once, which is several times quicker."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is not None:
            texts: list[str] = backend.decode_batch([list(row) for row in rows])
            return texts
        return [
            self.tokenizer.decode(
                list(row), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            for row in rows
        ]

    def use_adapter(self, folder: Path | None) -> None:
        """Put the adapter of a folder on the base; None puts on one without effect.

        Raises:
            ModelError: The folder is missing, broken, or of another base.
        """
        if folder is None:
            self.fresh_adapter(seed=0)
            return
        adapters.check_origin(folder, self.name, self.base_hash)
        weights = _read_weights(folder)
        self._reshape(adapters.read_shape(folder))
        self._check_names(folder, weights)
        peft.set_peft_model_state_dict(self.network, weights, lora.ADAPTER)
        self.adapter = folder

    def fresh_adapter(self, seed: int) -> None:
        """Put on an adapter of the settings' rank that changes nothing yet."""
        self._reshape(self.default_shape)
        lora.reset_lora(self.network, seed)
        self.adapter = None

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter in PEFT's format, and which base it belongs to."""
        with adapters.replaced_folder(folder) as draft:
            save_file(self._weights(), draft / adapters.WEIGHTS, metadata={"format": "pt"})
            config = self.network.peft_config[lora.ADAPTER]
            config.base_model_name_or_path = self.name
            # PEFT keeps a set, whose order differs from process to process.
            config.target_modules = sorted(config.target_modules)
            config.save_pretrained(draft)
            adapters.write_origin(draft, self.name, self.base_hash)

    def save_merged(self, adapter: Path | None, out: Path) -> None:
        """Write base and adapter as one plain Hugging Face model, tokenizer included.

        Works on a copy read from disk; the model in memory stays as it is.

        Raises:
            ModelError: The adapter is missing, broken, or of another base.
        """
        copy = type(self)(self._settings, self.default_shape)
        copy.use_adapter(adapter)
        with adapters.replaced_folder(out) as draft, bases.no_progress_bars():
            copy.network.merge_and_unload().save_pretrained(draft)
            self.tokenizer.save_pretrained(draft)

    def merged(self) -> AbstractContextManager[None]:
        """Within, forwards run on weights that hold the adapter already; no gradients."""
        return lora.merged(self.network)

    def breathe_with(self, breathe: Callable[[], None]) -> None:
        """Call this before every pass through the network; it may raise to leave the work."""
        self._breathe = breathe
        if self._breathing is not None:
            self._breathing.remove()
        causal_lm = self.causal_lm
        inner = getattr(causal_lm, causal_lm.base_model_prefix, causal_lm)
        self._breathing = inner.register_forward_pre_hook(lambda *_: breathe())

    def breathe(self) -> None:
        """Do what `breathe_with` was given: for those who compute past the network."""
        self._breathe()

    def _ids(self, text: str, special: bool) -> tuple[int, ...]:
        ids = tuple(self.tokenizer.encode(text, add_special_tokens=special))
        unknown = self.tokenizer.unk_token_id
        if unknown is not None and unknown != self.end_token and unknown in ids:
            raise ModelError(
                f"The base {self.name!r} has no token for a part of {text!r}.",
                "try: another base, or a task that keeps to the base's characters",
            )
        return ids

    def _reshape(self, shape: AdapterShape) -> None:
        if shape == self.shape:
            return
        self.network = _add_lora(self.network.unload(), shape)
        self.shape = shape

    def _weights(self) -> dict[str, torch.Tensor]:
        state = peft.get_peft_model_state_dict(
            self.network, adapter_name=lora.ADAPTER, save_embedding_layers=False
        )
        return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}

    def _check_names(self, folder: Path, weights: dict[str, torch.Tensor]) -> None:
        expected = {name: tensor.shape for name, tensor in self._weights().items()}
        if expected != {name: tensor.shape for name, tensor in weights.items()}:
            raise ModelError(
                f"The adapter {str(folder)!r} does not fit the layers of the base {self.name!r}.",
                "allowed: LoRA on all linear layers, as sitool writes it",
            )


def _add_lora(causal_lm: Any, shape: AdapterShape) -> Any:
    """Return the base with fresh LoRA layers in it, as a `PeftModel` without dropout."""
    with warnings.catch_warnings():
        # peft 0.21 still asks for a property that transformers 5 has renamed.
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        return peft.get_peft_model(causal_lm, _lora_config(shape, causal_lm)).eval()


def _lora_config(shape: AdapterShape, causal_lm: nn.Module) -> peft.LoraConfig:
    columns_first = any(type(module).__name__ == "Conv1D" for module in causal_lm.modules())
    return peft.LoraConfig(
        task_type="CAUSAL_LM",
        target_modules="all-linear",
        r=shape.rank,
        lora_alpha=shape.alpha,
        lora_dropout=0.0,
        bias="none",
        fan_in_fan_out=columns_first,
    )


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    try:
        weights: dict[str, torch.Tensor] = load_file(folder / adapters.WEIGHTS)
    except Exception as error:
        raise ModelError(
            f"The adapter {str(folder)!r} cannot be read: {first_line(error)}",
            "try: go back to an earlier round and step again",
        ) from error
    return weights
