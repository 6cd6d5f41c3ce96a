"""A Hugging Face causal language model on this machine, with what a round has taught it.

That is a LoRA adapter (a fresh one changes nothing), or after full fine-tuning
other weights in the base's place. Leaves out how a base is found
(`folders.py`) and read (`bases.py`), how tokens are drawn, how the model learns.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import peft
import torch
from safetensors.torch import load, load_file, save, save_file
from torch import nn

from sitool.config import ModelSettings, TrainerSettings
from sitool.errors import ModelError
from sitool.models import adapters, bases, folders, lora
from sitool.models.adapters import AdapterShape
from sitool.models.bases import first_line
from sitool.models.crew import Crew
from sitool.models.focus import focused, is_focusable
from sitool.models.loading import SMALL_BASE_PARAMETERS

MOST_KNOWN_PROMPTS = 8192
"""Prompts whose tokens are remembered, a few kB each at most."""


@dataclass(frozen=True)
class Learnt:
    """What a model has learnt, in a form that another process can read.

    Attributes:
        shape: Rank and alpha of the adapter; None: there is none.
        weights: By name, as safetensors; without an adapter none where they are the base's.
    """

    shape: AdapterShape | None
    weights: bytes


class LocalModel:
    """Base + adapter + tokenizer.

    Attributes:
        name: The base as the settings name it.
        base_hash: blake2b of the base's weight files, 16 hex digits.
        end_token: Ends a completion.
        network: The base with the adapter's layers in it, as a `PeftModel`; or the
            base's own class where there is no adapter.
        context: Most tokens of a prompt and its completion; None: no limit known.
        default_shape: Rank and alpha of a fresh adapter; None: full fine-tuning.
        shape: Rank and alpha of the adapter that is on; None: there is none.
        adapter: The folder that was put on last; None: a fresh adapter. Training moves
            the weights away from it.
        notes: What a person should know about the work on this model; whoever
            tells them takes it out.
        crew: Who computes beside this process.
    """

    def __init__(self, settings: ModelSettings, shape: AdapterShape | None) -> None:
        self._settings = settings
        self.name = settings.base
        self._folder = folder = folders.find_base(settings)
        self.tokenizer = bases.load_tokenizer(settings, folder)
        causal_lm = bases.load_causal_lm(settings, folder)
        self.base_hash = bases.hash_weights(folder)
        self.end_token = bases.find_end_token(self.name, self.tokenizer, causal_lm)
        self.context = bases.find_context(causal_lm)
        self.notes: list[str] = []
        self.crew = Crew()
        self.default_shape = shape
        self.shape: AdapterShape | None = None
        self.network = causal_lm
        self._is_base = True  # The base's weights are in their places.
        self._breathing: list[Any] = []
        self._breathe: Callable[[], None] = lambda: None
        self.adapter: Path | None = None
        self._focusable: bool | None = None
        # A prompt is drawn from, trained on, and met in every evaluation.
        self._known_prompts: dict[str, tuple[int, ...]] = {}
        self.fresh_adapter(seed=0)

    @classmethod
    def load(cls, settings: ModelSettings, trainer: TrainerSettings) -> Self:
        """Read a base and make it ready for the trainer's method and rank.

        Raises:
            ModelError: There is no such base, or it is not a causal language
                model with a tokenizer and an end token.
        """
        is_full = trainer.method == "full"
        return cls(settings, None if is_full else AdapterShape(trainer.rank, trainer.alpha))

    @property
    def causal_lm(self) -> Any:
        """The base's own class, adapter inside, without PEFT's wrapper around it."""
        return self.network if self.shape is None else self.network.get_base_model()

    @property
    def is_small(self) -> bool:
        """Whether a pass is too short to be shared out among threads."""
        weights: int = sum(p.numel() for p in self.network.parameters())
        return weights < SMALL_BASE_PARAMETERS

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
        ids = self._known_prompts.get(prompt)
        if ids is None:
            if len(self._known_prompts) == MOST_KNOWN_PROMPTS:
                self._known_prompts.clear()
            ids = self._known_prompts[prompt] = self._read_prompt(prompt)
        return ids

    def _read_prompt(self, prompt: str) -> tuple[int, ...]:
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

    def open_for_training(self) -> dict[str, nn.Parameter]:
        """Return the weights that training moves, by name; tied ones once.

        The base's own, for full fine-tuning, count as changed from now on.
        """
        if self.shape is not None:
            return lora.lora_parameters(self.network)
        self._is_base = False
        self.network.requires_grad_(True)
        return dict(self.network.named_parameters())

    def use_adapter(self, folder: Path | None) -> None:
        """Take over what a round has learnt; None takes the effect of the last one off.

        Raises:
            ModelError: The folder is missing, broken, or of another base.
        """
        if folder is None:
            self.fresh_adapter(seed=0)
            return
        adapters.check_origin(folder, self.name, self.base_hash)
        if adapters.method_of(folder) == "full":
            self._use_weights(folder)
            return
        weights = _read_weights(folder, adapters.WEIGHTS)
        self._restore_base()
        self._reshape(adapters.read_shape(folder))
        self._check_names(folder, weights)
        peft.set_peft_model_state_dict(self.network, weights, lora.ADAPTER)
        self.adapter = folder

    def fresh_adapter(self, seed: int) -> None:
        """Put on what training begins with at the base.

        That is an adapter of the settings' rank that changes nothing yet; for
        full fine-tuning it is the base alone.
        """
        self._restore_base()
        self._reshape(self.default_shape)
        if self.shape is not None:
            lora.reset_lora(self.network, seed)
        self.adapter = None

    def save_adapter(self, folder: Path) -> None:
        """Write what was learnt, and which base it belongs to.

        An adapter goes in PEFT's format. Of whole weights only those that
        differ from the base's are written, in the base's precision.
        """
        with adapters.replaced_folder(folder) as draft:
            if self.shape is None:
                save_file(self._changed_weights(), draft / adapters.FULL_WEIGHTS)
            else:
                self._save_lora(draft)
            method = "full" if self.shape is None else "lora"
            adapters.write_origin(draft, self.name, self.base_hash, method)

    def _save_lora(self, draft: Path) -> None:
        save_file(self._weights(), draft / adapters.WEIGHTS, metadata={"format": "pt"})
        config = self.network.peft_config[lora.ADAPTER]
        config.base_model_name_or_path = self.name
        # PEFT keeps a set, whose order differs from process to process.
        config.target_modules = sorted(config.target_modules)
        config.save_pretrained(draft)

    def save_merged(self, adapter: Path | None, out: Path) -> None:
        """Write base and adapter as one plain Hugging Face model, tokenizer included.

        Works on a copy read from disk; the model in memory stays as it is.

        Raises:
            ModelError: The adapter is missing, broken, or of another base.
        """
        copy = type(self)(self._settings, self.default_shape)
        copy.use_adapter(adapter)
        with adapters.replaced_folder(out) as draft, bases.no_progress_bars():
            plain = copy.network if copy.shape is None else copy.network.merge_and_unload()
            plain.save_pretrained(draft)
            self.tokenizer.save_pretrained(draft)

    def learnt(self) -> Learnt:
        """Return what was learnt as it is in memory now, for `learn` in another process."""
        weights: Mapping[str, torch.Tensor] = {}
        if self.shape is not None:
            weights = lora.lora_parameters(self.network)
        elif not self._is_base:
            weights = dict(self.network.named_parameters())
        # A copy of each: what lies in one block of memory cannot be written by itself.
        return Learnt(self.shape, save({n: w.detach().cpu().clone() for n, w in weights.items()}))

    def learn(self, learnt: Learnt) -> None:
        """Take over what a model of the same base has learnt in another process."""
        weights = load(learnt.weights)
        if learnt.shape is not None or not weights:
            self._restore_base()
        else:
            self._is_base = False
        self._reshape(learnt.shape)
        _copy_weights(weights, dict(self.network.named_parameters()))

    def close(self) -> None:
        """End the processes that compute beside this one."""
        self.crew.close()

    def merged(self) -> AbstractContextManager[None]:
        """Within, forwards run on weights that hold the adapter already; no gradients."""
        return lora.merged(self.network)

    def focused(self, places: torch.Tensor) -> AbstractContextManager[None]:
        """Within, logits are right at these places of the flattened ids, and cost less.

        Where that does not fit the base, they are right everywhere, as ever.

        Args:
            places: [places], each once.
        """
        if self._focusable is None:
            self._focusable = is_focusable(self.causal_lm, self.device)
        return focused(self.causal_lm, places) if self._focusable else nullcontext()

    def focused_at_end(self, ids: torch.Tensor, count: int = 1) -> AbstractContextManager[None]:
        """Within, logits are right at the last places of each row of ids, and cost less.

        Args:
            ids: [rows, length].
            count: How many places of a row.
        """
        rows, length = ids.shape
        if count >= length:
            return nullcontext()
        places = torch.arange(rows * length, device=ids.device).view(rows, length)
        return self.focused(places[:, -count:].flatten())

    def breathe_with(self, breathe: Callable[[], None]) -> None:
        """Call this before every pass through the network; it may raise to leave the work.

        On a CPU, where a pass can take seconds, before every layer.
        """
        self._breathe = breathe
        for hook in self._breathing:
            hook.remove()
        causal_lm = self.causal_lm
        inner = getattr(causal_lm, causal_lm.base_model_prefix, causal_lm)
        stacks = (m for m in inner.modules() if isinstance(m, nn.ModuleList))
        layers = next(stacks, ()) if self.device.type == "cpu" else ()
        self._breathing = [
            part.register_forward_pre_hook(lambda *_: breathe()) for part in (inner, *layers)
        ]

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

    def _reshape(self, shape: AdapterShape | None) -> None:
        if shape == self.shape:
            return
        causal_lm = self.network if self.shape is None else self.network.unload()
        self.network = causal_lm if shape is None else _add_lora(causal_lm, shape)
        self.shape = shape

    def _use_weights(self, folder: Path) -> None:
        weights = _read_weights(folder, adapters.FULL_WEIGHTS)
        self._reshape(None)
        places = dict(self.network.named_parameters())
        if any(n not in places or places[n].shape != w.shape for n, w in weights.items()):
            raise ModelError(
                f"The weights in {str(folder)!r} do not fit the layers of the base {self.name!r}.",
                "allowed: weights of full fine-tuning, as sitool writes them",
            )
        if weights.keys() != places.keys():
            self._restore_base()
        self._is_base = False
        _copy_weights(weights, places)

    def _restore_base(self) -> None:
        """Read the base's own weights again if others have taken their places."""
        if self._is_base:
            return
        _copy_weights(self._base_weights(), dict(self.network.named_parameters()))
        self._is_base = True

    def _base_weights(self) -> dict[str, torch.Tensor]:
        """Read the base's weights into the CPU's memory, in the precision that they run in."""
        dtype = bases.pick_dtype(self._settings.dtype, self.device)
        changes = {"device": "cpu", "dtype": str(dtype).removeprefix("torch.")}
        settings = self._settings.model_copy(update=changes)
        return dict(bases.load_causal_lm(settings, self._folder).named_parameters())

    def _changed_weights(self) -> dict[str, torch.Tensor]:
        base = self._base_weights()
        weights = {
            name: parameter.detach().to("cpu", base[name].dtype).contiguous()
            for name, parameter in self.network.named_parameters()
        }
        return {name: w for name, w in weights.items() if not torch.equal(w, base[name])}

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


def _copy_weights(weights: dict[str, torch.Tensor], places: dict[str, nn.Parameter]) -> None:
    """Write into the places themselves, so that tied ones stay tied."""
    with torch.no_grad():
        for name, tensor in weights.items():
            places[name].copy_(tensor)


def _read_weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    try:
        weights: dict[str, torch.Tensor] = load_file(folder / name)
    except Exception as error:
        raise ModelError(
            f"The adapter {str(folder)!r} cannot be read: {first_line(error)}",
            "try: go back to an earlier round and step again",
        ) from error
    return weights
