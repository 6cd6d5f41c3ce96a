"""Which bases can be written as GGUF, and what llama.cpp has to be told of them.

Every key that llama.cpp would otherwise default in silence is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sitool.errors import ModelError

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
"""transformers' model type -> llama.cpp's architecture."""

Key = int | float | str


@dataclass(frozen=True, slots=True)
class Layout:
    """What a base's configuration becomes in a GGUF file.

    Attributes:
        architecture: llama.cpp's name.
        keys: Without the architecture's prefix; whole numbers are written as
            uint32, others as float32.
        rope_factors: What llama 3 divides each rotary frequency by, [head size / 2].
    """

    architecture: str
    keys: Mapping[str, Key]
    heads: int
    kv_heads: int
    head_size: int
    blocks: int
    rope_factors: np.ndarray[Any, Any] | None = None

    @property
    def permuted(self) -> bool:
        """Whether the rows of queries and keys change places.

        llama.cpp's llama turns neighbouring pairs of a head, where transformers
        turns the first half against the second.
        """
        return self.architecture == "llama"


def layout_of(name: str, causal_lm: Any) -> Layout:
    """Work out the layout of a base.

    Raises:
        ModelError: llama.cpp would not compute what the base computes; says why
            and what is supported.
    """
    config = causal_lm.config
    for complaint in (_architecture, _activation, _biases, _window, _rotation):
        said = complaint(config)
        if said:
            raise ModelError(
                f"The base {name!r} cannot be written as GGUF: {said}.",
                "allowed: llama, mistral without a window, qwen2 and qwen3, with plain, linear, "
                "yarn or (llama only) llama3 rotary positions; or set sampler.name to 'native'",
            )
    heads = config.num_attention_heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    kv_heads = config.num_key_value_heads
    keys: dict[str, Key] = {
        "vocab_size": config.vocab_size,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": heads,
        "attention.head_count_kv": kv_heads,
        "attention.key_length": head_size,
        "attention.value_length": head_size,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "rope.dimension_count": head_size,
        "rope.freq_base": float(config.rope_parameters["rope_theta"]),
        **_scaling(config),
    }
    return Layout(
        ARCHITECTURES[config.model_type],
        keys,
        heads,
        kv_heads,
        head_size,
        config.num_hidden_layers,
        _rope_factors(causal_lm, head_size),
    )


def _architecture(config: Any) -> str:
    known = config.model_type in ARCHITECTURES
    return "" if known else f"its architecture is {config.model_type!r}"


def _activation(config: Any) -> str:
    return "" if config.hidden_act == "silu" else f"its activation is {config.hidden_act!r}"


def _biases(config: Any) -> str:
    biased = config.model_type == "qwen3" and config.attention_bias
    return "llama.cpp's qwen3 has no place for biases of the attention" if biased else ""


def _window(config: Any) -> str:
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"}:
        return "it has layers of another kind than full attention"
    window = getattr(config, "sliding_window", None)
    if window is not None and window < config.max_position_embeddings:
        return f"its attention has a window of {window} tokens"
    return ""


def _rotation(config: Any) -> str:
    rope = config.rope_parameters
    kind = rope["rope_type"]
    allowed = ["default", "linear", "yarn"]
    if config.model_type in ("llama", "mistral"):
        allowed.append("llama3")
    if kind not in allowed:
        return f"its rotary positions are of the kind {kind!r}"
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        return "it turns only a part of each head"
    # llama.cpp reads these for other architectures only.
    fixed = {"beta_fast": 32, "beta_slow": 1, "truncate": True}
    changed = [k for k, usual in fixed.items() if rope.get(k) not in (None, usual)]
    if kind == "yarn" and (changed or rope.get("mscale") or rope.get("mscale_all_dim")):
        return "its yarn has settings that llama.cpp does not read"
    return ""


def _scaling(config: Any) -> dict[str, Key]:
    rope = config.rope_parameters
    kind, factor = rope["rope_type"], float(rope.get("factor", 1.0))
    if kind not in ("linear", "yarn"):
        return {"rope.scaling.type": "none"}
    keys: dict[str, Key] = {"rope.scaling.type": kind, "rope.scaling.factor": factor}
    if kind == "yarn":
        original = rope.get("original_max_position_embeddings") or config.max_position_embeddings
        keys["rope.scaling.original_context_length"] = int(original)
        keys["rope.scaling.attn_factor"] = _yarn_attention(rope, factor)
    return keys


def _yarn_attention(rope: Mapping[str, Any], factor: float) -> float:
    """Return what the attention is scaled by beyond yarn's own 0.1 ln(factor) + 1."""
    usual = 0.1 * float(np.log(factor)) + 1.0 if factor > 1 else 1.0
    asked = rope.get("attention_factor")
    return 1.0 if asked is None else float(asked) / usual


def _rope_factors(causal_lm: Any, head_size: int) -> np.ndarray[Any, Any] | None:
    """Compare the base's own frequencies with plain ones; only llama 3 needs it."""
    rope = causal_lm.config.rope_parameters
    if rope["rope_type"] != "llama3":
        return None
    actual = causal_lm.base_model.rotary_emb.inv_freq.detach().cpu().double().numpy()
    exponents = np.arange(0, head_size, 2) / head_size
    factors: np.ndarray[Any, Any] = rope["rope_theta"] ** -exponents / actual
    return factors.astype(np.float32)
