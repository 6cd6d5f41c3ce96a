"""Prompts are read once, together where it pays, and it changes nothing."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sitool.config import Settings
from sitool.models.local import LocalModel
from sitool.records import Problem
from sitool.samplers import prompts
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import NativeSampler
from sitool.seeds import derive_seed

Load = Callable[..., LocalModel]
SHARED = "1+2=3, 4+5=9, 2+2=4, 7+1="
PROMPTS = [SHARED + "8, 3+4=", SHARED + "9", SHARED + "8, " + "1+1=2, " * 6, SHARED + "8, 3+5="]
ARCHITECTURES = ["llama", "qwen2", "qwen3", "gpt_neox", "gpt2", "gemma", "mistral", "gemma2"]


def requests_for(model: LocalModel, texts: list[str], samples: int) -> list[Request]:
    return [
        Request(
            Problem("test", 1, text, ""),
            model.encode(text),
            tuple(derive_seed(number, sample) for sample in range(samples)),
        )
        for number, text in enumerate(texts)
    ]


def tokens_read(model: LocalModel, work: Callable[[], Any]) -> int:
    """Count the tokens, filler included, that go through the network, but for single ones."""
    counted = 0
    with model.focused(torch.tensor([0])):
        """What the first time tries on the network is not counted."""

    def count(_: object, __: object, inputs: dict[str, Any]) -> None:
        nonlocal counted
        rows, length = inputs["input_ids"].shape
        counted += rows * length if length > 1 else 0

    hook = model.causal_lm.register_forward_pre_hook(count, with_kwargs=True)
    try:
        work()
    finally:
        hook.remove()
    return counted


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_greedy_after_a_common_beginning_is_generate_token_for_token(
    load_local: Load, architecture: str, samples: int
) -> None:
    model = load_local(architecture)
    drawn = [
        row
        for chunk in NativeSampler(model, Settings()).sample(
            requests_for(model, PROMPTS, samples), Decoding(0, max_new_tokens=20)
        )
        for row in chunk
    ]
    for prompt, row in zip(PROMPTS, drawn, strict=True):
        ids = torch.tensor([model.encode(prompt)])
        theirs = model.causal_lm.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False
        )
        assert {item.token_ids for item in row} == {tuple(theirs[0, ids.shape[1] :].tolist())}


def test_a_common_beginning_goes_through_the_network_once(load_local: Load) -> None:
    model = load_local()
    texts = [SHARED + end for end in ("8, 1=", "8, 2=", "8, 3=")]
    sampler = NativeSampler(model, Settings())
    requests = requests_for(model, texts, 8)
    read = tokens_read(model, lambda: list(sampler.sample(requests, Decoding(max_new_tokens=4))))
    common = len(SHARED) + len("8, ")
    assert read == common + 3 * len("1=")


def test_a_long_prompt_does_not_fill_up_the_short_ones(load_local: Load) -> None:
    model = load_local(context=400)
    texts = [f"{number}+1=" for number in range(9)] + ["ab" * 150]
    requests = requests_for(model, texts, 2)
    sampler = NativeSampler(model, Settings())
    read = tokens_read(model, lambda: list(sampler.sample(requests, Decoding(max_new_tokens=4))))
    assert read == 9 * 4 + 300


@given(
    common=st.lists(st.integers(0, 3), max_size=40),
    ends=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=1, max_size=6),
)
def test_the_common_beginning_is_one_and_leaves_a_token_to_each(
    common: list[int], ends: list[list[int]]
) -> None:
    whole = [(*common, *end) for end in ends]
    prefix = prompts.common_prefix(whole)
    assert all(prompt[: len(prefix)] == prefix and len(prompt) > len(prefix) for prompt in whole)
    if len(whole) > 1 and len(common) >= prompts.LEAST_PREFIX:
        assert len(prefix) >= len(common)


@given(lengths=st.lists(st.integers(1, 600), min_size=1, max_size=60).map(sorted))
def test_groups_keep_the_order_and_bound_the_filler(lengths: list[int]) -> None:
    made = list(prompts.groups([(0,) * length for length in lengths]))
    assert [len(prompt) for group in made for prompt in group] == lengths
    for group in made:
        longest = max(map(len, group))
        assert longest * len(group) <= max(prompts.MOST_TOKENS, longest)
        steps = [len(after) - len(before) for before, after in itertools.pairwise(group)]
        assert all(step * place <= prompts.MOST_FILLER for place, step in enumerate(steps, start=1))


def test_sampled_completions_are_those_of_prompts_read_alone(load_local: Load) -> None:
    model = load_local()
    requests = requests_for(model, PROMPTS, 4)
    sampler = NativeSampler(model, Settings())
    together = [row for chunk in sampler.sample(requests, Decoding()) for row in chunk]
    alone = [
        row for one in requests for chunk in sampler.sample([one], Decoding()) for row in chunk
    ]
    for row, other in zip(together, alone, strict=True):
        assert [item.token_ids for item in row] == [item.token_ids for item in other]
        for item, twin in zip(row, other, strict=True):
            assert item.token_logprobs == pytest.approx(twin.token_logprobs, abs=1e-4)
