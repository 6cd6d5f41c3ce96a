"""The built-in base as a GGUF file with its vocabulary, for servers that read nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
from tokenizers.pre_tokenizers import ByteLevel


def write_gguf(model: Any, file: Path) -> None:
    """Write the base of a `LocalModel`, a Llama with a vocabulary of single characters."""
    import gguf

    config = model.causal_lm.config
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    add_vocabulary(writer, model, config.vocab_size)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    with model.network.disable_adapter():
        state = model.causal_lm.state_dict()
    for name, tensor in state.items():
        if "lora" in name or name == "lm_head.weight":
            continue
        plain = name.replace(".base_layer", "")
        array = tensor.float().numpy()
        if plain.endswith(("q_proj.weight", "k_proj.weight")):
            queries = plain.endswith("q_proj.weight")
            heads = config.num_attention_heads if queries else config.num_key_value_heads
            array = pairs_together(array, heads)
        writer.add_tensor(names.get_name(plain, (".weight",)), np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def pairs_together(array: Any, heads: int) -> Any:
    """Put the two numbers that RoPE turns together side by side, as llama.cpp has them."""
    rows = array.reshape(heads, 2, -1, array.shape[-1])
    return rows.swapaxes(1, 2).reshape(array.shape)


def add_vocabulary(writer: Any, model: Any, size: int) -> None:
    """Write single characters as byte-level pieces; one merge that no text has is needed."""
    from gguf import TokenType

    spell = ByteLevel(add_prefix_space=False, use_regex=False)
    texts, kinds = [], []
    for token in model.tokenizer.convert_ids_to_tokens(list(range(size))):
        special = token in model.tokenizer.all_special_tokens
        texts.append(token if special else spell.pre_tokenize_str(token)[0][0])
        kinds.append(TokenType.CONTROL if special else TokenType.NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    writer.add_token_merges(["ÿ ÿ"])
    writer.add_eos_token_id(model.end_token)
    writer.add_add_bos_token(False)
