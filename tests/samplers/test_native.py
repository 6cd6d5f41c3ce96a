"""The native sampler against transformers' own forward and `generate`, and against exact laws."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from adapted import with_effect
from hypothesis import given
from hypothesis import strategies as st

from sitool.config import SamplerSettings, Settings
from sitool.errors import SamplerError
from sitool.models.local import LocalModel
from sitool.records import Completion, Problem
from sitool.samplers import drawing, native, sharing, steps
from sitool.samplers.base import Decoding, Request
from sitool.samplers.caches import SampleCache
from sitool.samplers.native import NativeSampler
from sitool.samplers.steps import FixedSteps, GrowingSteps
from sitool.seeds import derive_seed

Load = Callable[..., LocalModel]

ARCHITECTURES = [
    "llama", "qwen2", "qwen3", "gpt_neox", "gpt2", "mistral", "gemma", "gemma2"
]  # fmt: skip
DRAWS = 20_000
PROMPTS = ["ab,bc,cd|a>d=", "12+3=", "z", "hello world, it is me", "ab,bc,cd|a>d=", "q w e"]


def requests_for(
    model: LocalModel, samples: int, prompts: Sequence[str] = PROMPTS
) -> list[Request]:
    return [
        Request(
            Problem("test", 1, prompt, ""),
            model.encode(prompt),
            tuple(derive_seed(number, sample) for sample in range(samples)),
        )
        for number, prompt in enumerate(prompts)
    ]


def draw_all(
    model: LocalModel, requests: list[Request], decoding: Decoding, chunk_rows: int = 512
) -> list[Completion]:
    chunks = NativeSampler(model, Settings(sampler=SamplerSettings(chunk_rows=chunk_rows))).sample(
        requests, decoding
    )
    return [item for chunk in chunks for row in chunk for item in row]


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_greedy_is_generate_token_for_token(
    load_local: Load, architecture: str, samples: int
) -> None:
    model = with_effect(load_local(architecture))
    drawn = draw_all(model, requests_for(model, samples), Decoding(0, max_new_tokens=24))
    for prompt, ours in zip(PROMPTS, drawn[::samples], strict=True):
        ids = torch.tensor([model.encode(prompt)])
        theirs = model.causal_lm.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False
        )
        assert ours.token_ids == tuple(theirs[0, ids.shape[1] :].tolist())


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_steps_of_a_fixed_shape_draw_the_same(
    load_local: Load, architecture: str, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = with_effect(load_local(architecture))
    decoding = Decoding(temperature, max_new_tokens=24)
    growing = draw_all(model, requests_for(model, 3), decoding)
    make, made = steps.make_steps, list[object]()
    monkeypatch.setattr(sharing, "fits", lambda *_: False)
    monkeypatch.setattr(steps, "FIXED_DEVICES", frozenset({"cpu"}))
    monkeypatch.setattr(native, "make_steps", lambda *a: made.append(make(*a)) or made[-1])
    fixed = draw_all(model, requests_for(model, 3), decoding)
    windows = architecture in ("mistral", "gemma2")
    assert [type(one) for one in made] == [GrowingSteps if windows else FixedSteps]
    assert [item.token_ids for item in fixed] == [item.token_ids for item in growing]
    for ours, theirs in zip(fixed, growing, strict=True):
        assert ours.token_logprobs == pytest.approx(theirs.token_logprobs, abs=1e-4)


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_log_probabilities_are_those_of_a_teacher_forced_forward(
    load_local: Load, architecture: str, samples: int
) -> None:
    model = with_effect(load_local(architecture))
    decoding = Decoding(temperature=1.3, top_p=0.9, top_k=20, max_new_tokens=24)
    drawn = draw_all(model, requests_for(model, samples), decoding)
    prompts = [prompt for prompt in PROMPTS for _ in range(samples)]
    assert {item.finish for item in drawn} >= {"length"}
    for prompt, item in zip(prompts, drawn, strict=True):
        assert item.token_logprobs == pytest.approx(scores(model, prompt, item), abs=1e-4)
        assert (item.token_ids[-1] == model.end_token) == (item.finish == "stop")


def scores(model: LocalModel, prompt: str, item: Completion) -> list[float]:
    ids = torch.tensor([[*model.encode(prompt), *item.token_ids]])
    with torch.no_grad():
        logprobs = model.network(input_ids=ids).logits[0].log_softmax(-1)
    start = ids.shape[1] - len(item.token_ids)
    return [logprobs[start + place - 1, token].item() for place, token in enumerate(item.token_ids)]


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox"])
def test_samples_do_not_depend_on_how_they_are_chunked(load_local: Load, architecture: str) -> None:
    model = load_local(architecture)
    requests = requests_for(model, 5)
    decoding = Decoding(max_new_tokens=16)
    whole = draw_all(model, requests, decoding)
    for chunk_rows in (1, 7, 10):
        parts = draw_all(model, requests, decoding, chunk_rows)
        assert [item.token_ids for item in parts] == [item.token_ids for item in whole]
        assert [item.logprob for item in parts] == pytest.approx(
            [item.logprob for item in whole], abs=1e-4
        )


def test_the_same_call_gives_the_same_bits(load_local: Load) -> None:
    model = load_local()
    requests = requests_for(model, 4)
    assert draw_all(model, requests, Decoding()) == draw_all(model, requests, Decoding())


def test_starting_again_at_a_chunk_gives_the_same_chunks_from_there(load_local: Load) -> None:
    model = load_local()
    requests = requests_for(model, 4)
    sampler = NativeSampler(model, Settings(sampler=SamplerSettings(chunk_rows=8)))
    chunks = list(sampler.sample(requests, Decoding()))
    assert [len(chunk) for chunk in chunks] == [2, 2, 2]
    assert list(sampler.sample(requests[2:], Decoding())) == chunks[1:]


def test_unequal_numbers_of_samples_and_equal_prompts_share_a_chunk(load_local: Load) -> None:
    model = load_local()
    requests = [
        replace(request, seeds=request.seeds[:count])
        for request, count in zip(requests_for(model, 6), (6, 1, 3, 0, 5, 2), strict=True)
    ]
    decoding = Decoding(max_new_tokens=16)
    together = draw_all(model, requests, decoding)
    apart = [item for request in requests for item in draw_all(model, [request], decoding)]
    assert [item.token_ids for item in together] == [item.token_ids for item in apart]


def test_sharing_prompts_changes_no_sample(
    load_local: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_local()
    requests = requests_for(model, 6)
    shared = draw_all(model, requests, Decoding())
    monkeypatch.setattr(sharing, "fits", lambda *_: False)
    forked = draw_all(model, requests, Decoding())
    assert [item.token_ids for item in shared] == [item.token_ids for item in forked]
    for ours, theirs in zip(shared, forked, strict=True):
        assert ours.token_logprobs == pytest.approx(theirs.token_logprobs, abs=1e-4)


def test_a_cache_that_cannot_be_fanned_out_costs_time_and_changes_nothing(
    load_local: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_local()
    requests = requests_for(model, 3)
    usual = draw_all(model, requests, Decoding())
    monkeypatch.setattr(SampleCache, "fan_out", lambda *_: False)
    repeated = draw_all(model, requests, Decoding())
    assert [item.token_ids for item in repeated] == [item.token_ids for item in usual]


def exact_law(model: LocalModel, prompt: str, decoding: Decoding) -> dict[tuple[int, ...], float]:
    """Return the probability of every completion of at most two tokens."""
    prompt_ids = model.encode(prompt)

    def next_law(ids: tuple[int, ...]) -> Any:
        with torch.no_grad():
            logits = model.network(input_ids=torch.tensor([ids])).logits[0, -1].double().numpy()
        return plain_law(logits, decoding)

    law: dict[tuple[int, ...], float] = {}
    for first, chance in enumerate(next_law(prompt_ids)):
        if first == model.end_token:
            law[(first,)] = chance
        elif chance > 0:
            for second, more in enumerate(next_law((*prompt_ids, first))):
                law[(first, second)] = chance * more
    return law


def plain_law(logits: Any, decoding: Decoding) -> Any:
    """Temperature, top_k, top_p, written the slow way."""
    law = np.exp((logits - logits.max()) / decoding.temperature)
    if decoding.top_k:
        law[np.argsort(-law, kind="stable")[decoding.top_k :]] = 0
    law /= law.sum()
    law[law < decoding.min_p * law.max()] = 0
    law /= law.sum()
    kept, mass = np.zeros_like(law), 0.0
    for token in np.argsort(-law, kind="stable"):
        if mass < decoding.top_p:
            kept[token] = law[token]
        mass += law[token]
    return kept / kept.sum()


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(1.0, max_new_tokens=2),
        Decoding(0.7, max_new_tokens=2),
        Decoding(1.5, top_k=3, max_new_tokens=2),
        Decoding(1.0, top_p=0.8, max_new_tokens=2),
        Decoding(1.0, min_p=0.3, max_new_tokens=2),
    ],
    ids=["plain", "cooler", "top_k", "top_p", "min_p"],
)
def test_the_sampled_law_is_the_exact_one(load_local: Load, decoding: Decoding) -> None:
    model = load_local(characters="abc")
    assert_exact_law(
        model, decoding, lambda requests: draw_all(model, requests, decoding, chunk_rows=DRAWS)
    )


def assert_exact_law(
    model: LocalModel, decoding: Decoding, draw: Callable[[list[Request]], list[Completion]]
) -> None:
    """Draw many completions, and hold how often each comes to its probability."""
    request = Request(
        Problem("test", 1, "abca", ""),
        model.encode("abca"),
        tuple(derive_seed("law", number) for number in range(DRAWS)),
    )
    counts: dict[tuple[int, ...], int] = {}
    for item in draw([request]):
        counts[item.token_ids] = counts.get(item.token_ids, 0) + 1
    law = exact_law(model, "abca", decoding)
    assert all(law[outcome] > 0 for outcome in counts)
    assert chi_square(counts, law, DRAWS) < 1


def chi_square(
    counts: dict[tuple[int, ...], int], law: dict[tuple[int, ...], float], draws: int
) -> float:
    """Return the statistic as a multiple of what 1 in 1,000 right samplers would exceed."""
    cells = [(counts.get(key, 0), draws * chance) for key, chance in law.items()]
    likely = [(seen, expected) for seen, expected in cells if expected >= 5]
    rare = [(seen, expected) for seen, expected in cells if expected < 5]
    likely.append((sum(seen for seen, _ in rare), max(sum(e for _, e in rare), 1e-9)))
    statistic = sum((seen - expected) ** 2 / expected for seen, expected in likely if expected > 1)
    freedom = len(likely) - 1
    # Wilson and Hilferty's approximation of the quantile; 3.09 is that of the normal law.
    limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)) ** 0.5) ** 3
    return statistic / limit


@given(
    law=st.lists(st.sampled_from([0.0, 1e-30, 0.1, 0.5, 1.0]), min_size=1, max_size=6).filter(any),
    uniform=st.one_of(
        st.floats(0, 1, exclude_max=True), st.just(float(np.nextafter(1, 0))), st.just(0.0)
    ),
)
def test_an_impossible_token_is_never_drawn(law: list[float], uniform: float) -> None:
    table = torch.tensor([law], dtype=torch.float64)
    token = int(drawing.invert_cdf(table, torch.tensor([uniform], dtype=torch.float64)))
    assert law[token] > 0
    before, total = sum(law[:token]), sum(law)
    assert before <= uniform * total + 1e-12
    assert uniform * total <= before + law[token] + 1e-12


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(drawing.LEAST_BLOCKS * drawing.BLOCK_TOKENS, 9 * drawing.BLOCK_TOKENS + 3),
    likely=st.floats(0.001, 1),
    uniform=st.one_of(
        st.floats(0, 1, exclude_max=True), st.just(float(np.nextafter(1, 0))), st.just(0.0)
    ),
)
def test_a_large_vocabulary_is_drawn_from_in_blocks_by_the_same_law(
    seed: int, size: int, likely: float, uniform: float
) -> None:
    source = np.random.default_rng(seed)
    law = source.random(size) ** 8 * (source.random(size) < likely)
    law[source.integers(size)] = 1.0
    table = torch.tensor(law[None], dtype=torch.float32)
    token = int(drawing.invert_cdf(table, torch.tensor([uniform], dtype=torch.float64)))
    exact = table[0].double()
    assert exact[token] > 0
    before, total = exact[:token].sum(), exact.sum()
    assert before - 1e-5 * total <= uniform * total <= before + exact[token] + 1e-5 * total


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5), st.integers(1, 40))
def test_uniforms_are_those_of_numpys_philox(seeds: list[int], count: int) -> None:
    expected = [np.random.Generator(np.random.Philox(key=seed)).random(count) for seed in seeds]
    assert drawing.uniforms(seeds, count).tolist() == [row.tolist() for row in expected]


def test_a_row_of_uniforms_depends_on_its_own_seed_alone() -> None:
    alone = drawing.uniforms([7], 5)
    among = drawing.uniforms([1, 7, 2**63 - 1], 9)
    assert torch.equal(alone[0], among[1, :5])
    assert len(set(itertools.chain.from_iterable(among.tolist()))) == 27


def test_the_limit_counts_the_end_token(load_local: Load) -> None:
    model = load_local()
    drawn = draw_all(model, requests_for(model, 8), Decoding(max_new_tokens=6))
    assert {len(item.token_ids) for item in drawn if item.finish == "length"} == {6}
    assert all(model.end_token not in item.token_ids[:-1] for item in drawn)


def test_a_completion_ends_where_the_context_does(load_local: Load) -> None:
    for architecture in ("llama", "gpt2"):
        model = load_local(architecture, context=24)
        requests = requests_for(model, 2, ["ab" * 10, "a"])
        drawn = draw_all(model, requests, Decoding(max_new_tokens=64))
        assert all(len(item.token_ids) <= 4 for item in drawn[:2])
        assert all(len(item.token_ids) <= 23 for item in drawn[2:])


def test_a_prompt_that_fills_the_context_is_refused(load_local: Load) -> None:
    model = load_local("llama", context=24)
    with pytest.raises(SamplerError, match="24 tokens leaves no room in the model's context of 24"):
        draw_all(model, requests_for(model, 1, ["ab" * 12]), Decoding())


def test_no_requests_give_no_chunks(load_local: Load) -> None:
    assert list(NativeSampler(load_local(), Settings()).sample([], Decoding())) == []
