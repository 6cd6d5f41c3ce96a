"""What every sampler promises, whichever it is."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from loopback import faithful

from sitool import registry
from sitool.config import SamplerSettings, ServerSettings, Settings
from sitool.errors import MissingDependencyError
from sitool.models.scripted import ScriptedModel
from sitool.records import Completion, Problem
from sitool.samplers.base import Decoding, Request, Sampler
from sitool.seeds import derive_seed

MakeModel = Callable[[str], Any]


@pytest.fixture
def make_model(load_local: Callable[..., Any]) -> MakeModel:
    """Return a function that makes the model that a sampler works with."""
    return lambda name: ScriptedModel() if name == "scripted" else load_local()


def requests_for(model: Any, samples: int) -> list[Request]:
    return [
        Request(
            Problem("test", number % 4 + 1, prompt, "abcd"),
            model.encode(prompt),
            tuple(derive_seed(number, sample) for sample in range(samples)),
        )
        for number, prompt in enumerate(["ab,bc|a>c=", "12+3=", "z", "a b c d e f", "0"])
    ]


def flat(chunks: Any) -> list[Completion]:
    return [item for chunk in chunks for row in chunk for item in row]


@pytest.fixture(params=registry.names("sampler"))
def name(request: pytest.FixtureRequest) -> str:
    """Name each sampler in turn."""
    try:
        registry.check_installed("sampler", request.param)
    except MissingDependencyError as error:
        pytest.skip(error.message)
    return str(request.param)


@pytest.fixture
def sampler_for(name: str, load_local: Callable[..., Any]) -> Iterator[Callable[..., Sampler]]:
    """Return a function that makes the sampler; a server is a faithful one of the same base."""
    with ExitStack() as stack:
        server = ServerSettings()
        if name == "server":
            loopback = stack.enter_context(faithful(load_local()))
            server = ServerSettings(url=loopback.url, concurrency=4)

        def make(name: str, model: Any, chunk_rows: int = 8) -> Sampler:
            settings = Settings(sampler=SamplerSettings(chunk_rows=chunk_rows), server=server)
            sampler: Sampler = registry.load("sampler", name)(model, settings)
            return sampler

        yield make


MakeSampler = Callable[..., Sampler]


def test_it_answers_every_seed_in_order(
    name: str, make_model: MakeModel, sampler_for: MakeSampler
) -> None:
    model = make_model(name)
    requests = requests_for(model, 3)
    chunks = list(sampler_for(name, model).sample(requests, Decoding()))
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    assert [len(row) for chunk in chunks for row in chunk] == [3] * 5


def test_a_sample_depends_on_its_own_seed_alone(
    name: str, make_model: MakeModel, sampler_for: MakeSampler
) -> None:
    model = make_model(name)
    requests = requests_for(model, 4)
    whole = flat(sampler_for(name, model, 64).sample(requests, Decoding()))
    parts = flat(sampler_for(name, model, 4).sample(requests, Decoding()))
    assert [item.token_ids for item in whole] == [item.token_ids for item in parts]
    last = flat(sampler_for(name, model).sample(requests[-1:], Decoding()))
    assert [item.token_ids for item in last] == [item.token_ids for item in whole[-4:]]


def test_a_completion_is_whole(name: str, make_model: MakeModel, sampler_for: MakeSampler) -> None:
    model = make_model(name)
    decoding = Decoding(max_new_tokens=6)
    for item in flat(sampler_for(name, model).sample(requests_for(model, 16), decoding)):
        assert 1 <= len(item.token_ids) <= 6
        assert len(item.token_logprobs) == len(item.token_ids)
        assert all(value <= 1e-6 for value in item.token_logprobs)
        assert item.text == model.decode(item.token_ids)
        assert item.finish == ("stop" if item.token_ids[-1] == model.end_token else "length")


def test_a_stop_string_ends_a_completion_and_nothing_else_changes(
    name: str, make_model: MakeModel, sampler_for: MakeSampler
) -> None:
    model = make_model(name)
    requests = requests_for(model, 16)
    free = flat(sampler_for(name, model, 64).sample(requests, Decoding(max_new_tokens=24)))
    letters = sorted({letter for item in free for letter in item.text[1:]})
    stop = (letters[0], "".join(letters[1:2]) * 2)
    decoding = Decoding(max_new_tokens=24, stop=stop)
    stopped = flat(sampler_for(name, model, 64).sample(requests, decoding))
    assert any(item.text != other.text for item, other in zip(stopped, free, strict=True))
    for item, other in zip(stopped, free, strict=True):
        places = [other.text.find(string) for string in stop if string in other.text]
        assert item.text == (other.text[: min(places)] if places else other.text)
        assert item.token_ids == other.token_ids[: len(item.token_ids)]
        assert len(item.token_logprobs) == len(item.token_ids)
        if places:
            assert item.finish == "stop"
            assert any(string in model.decode(item.token_ids) for string in stop)
            assert not any(string in model.decode(item.token_ids[:-1]) for string in stop)


def test_greedy_does_not_look_at_the_seed(
    name: str, make_model: MakeModel, sampler_for: MakeSampler
) -> None:
    model = make_model(name)
    chunks = sampler_for(name, model).sample(requests_for(model, 4), Decoding(temperature=0))
    assert all(len(set(row)) == 1 for chunk in chunks for row in chunk)


def test_no_requests_give_no_chunks(
    name: str, make_model: MakeModel, sampler_for: MakeSampler
) -> None:
    assert list(sampler_for(name, make_model(name)).sample([], Decoding())) == []


def test_a_greedy_answer_comes_first_and_leaves_the_samples_as_they_are(
    name: str, make_model: MakeModel, sampler_for: MakeSampler
) -> None:
    model = make_model(name)
    requests = requests_for(model, 3)
    decoding = Decoding(max_new_tokens=12)
    both = [replace(request, greedy=True) for request in requests]
    drawn = [row for chunk in sampler_for(name, model).sample(both, decoding) for row in chunk]
    assert [len(row) for row in drawn] == [4] * 5
    alone = flat(sampler_for(name, model).sample(requests, decoding))
    assert [item.token_ids for row in drawn for item in row[1:]] == [i.token_ids for i in alone]
    greedy = [replace(request, seeds=request.seeds[:1]) for request in requests]
    best = flat(sampler_for(name, model).sample(greedy, replace(decoding, temperature=0)))
    assert [row[0].token_ids for row in drawn] == [item.token_ids for item in best]
