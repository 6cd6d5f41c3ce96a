"""Memory that runs out in sampling: the same samples, in smaller portions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows_at_once import room_for
from test_native import Load, requests_for

from sitool.config import SamplerSettings, Settings
from sitool.errors import SamplerError
from sitool.records import Completion, Problem
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import NativeSampler
from sitool.samplers.portions import split

DECODING = Decoding(max_new_tokens=12)


def draw_chunks(sampler: NativeSampler, requests: list[Request]) -> list[list[list[Completion]]]:
    return list(sampler.sample(requests, DECODING))


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_the_samples_and_the_chunks_are_those_of_a_larger_memory(
    load_local: Load, architecture: str
) -> None:
    model = load_local(architecture)
    if architecture == "gpt2":
        model.causal_lm.model = model.causal_lm.transformer  # What the hook looks for.
    requests = requests_for(model, samples=5)
    settings = Settings(sampler=SamplerSettings(chunk_rows=20))
    expected = draw_chunks(NativeSampler(model, settings), requests)
    sampler = NativeSampler(model, settings)
    with room_for(model, 3) as asked:
        found = draw_chunks(sampler, requests)
    assert max(asked) > 3
    assert [[len(row) for row in chunk] for chunk in found] == [
        [len(row) for row in chunk] for chunk in expected
    ]
    for ours, theirs in zip(flat(found), flat(expected), strict=True):
        assert (ours.token_ids, ours.text, ours.finish) == (
            theirs.token_ids, theirs.text, theirs.finish,
        )  # fmt: skip
        assert ours.token_logprobs == pytest.approx(theirs.token_logprobs, abs=1e-5)
    assert model.notes == [
        "Memory ran out in sampling, so 2 samples are drawn at once, not 5;"
        " they are the same samples."
    ]


def flat(chunks: list[list[list[Completion]]]) -> list[Completion]:
    return [item for chunk in chunks for row in chunk for item in row]


def test_portions_stay_small_once_memory_has_run_out(load_local: Load) -> None:
    model = load_local()
    sampler = NativeSampler(model, Settings())
    with room_for(model, 3) as asked:
        draw_chunks(sampler, requests_for(model, samples=5))
        asked.clear()
        model.notes.clear()
        draw_chunks(sampler, requests_for(model, samples=5))
    assert max(asked) <= 3
    assert model.notes == []


def test_a_sample_that_does_not_fit_alone_is_said_with_its_sizes(load_local: Load) -> None:
    model = load_local()
    with (
        room_for(model, 0),
        pytest.raises(
            SamplerError, match=r"a prompt of 13 tokens and a completion of up to 12"
        ) as said,
    ):
        draw_chunks(NativeSampler(model, Settings()), requests_for(model, samples=5))
    assert "max_new_tokens" in said.value.hint
    assert model.notes == []


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(1, 9))
def test_portions_hold_every_row_once_and_in_order(counts: list[int], size: int) -> None:
    problem = Problem("test", 1, "p", "")
    requests = [
        Request(problem, (1,), tuple(range(10 * n, 10 * n + count)))
        for n, count in enumerate(counts)
    ]
    left, seen = list(enumerate(requests)), list[tuple[int, int]]()
    while left:
        portion, after = split(left, size)
        rows = [(place, seed) for place, request in portion for seed in request.seeds]
        assert len(rows) == size if after else len(rows) <= size
        seen += rows
        left = after
    assert seen == [(n, s) for n, request in enumerate(requests) for s in request.seeds]
