"""The server sampler against llama-cpp-python's own server, with the built-in base."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sitool.config import ModelSettings, SamplerSettings, ServerSettings, Settings, TrainerSettings
from sitool.errors import SamplerError
from sitool.records import Completion
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import NativeSampler
from sitool.samplers.server import ServerSampler
from sitool.seeds import derive_seed
from sitool.tasks.path import PathTask

# Not imported: llama.cpp belongs in the server's process.
for name in ("llama_cpp", "gguf", "uvicorn", "fastapi"):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed", allow_module_level=True)

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def tiny() -> Any:
    from sitool.models.local import LocalModel

    return LocalModel.load(ModelSettings(base="tiny", device="cpu"), TrainerSettings(rank=4))


@pytest.fixture(scope="module")
def url(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the server in a process of its own, and end it."""
    from tiny_gguf import write_gguf

    folder = tmp_path_factory.mktemp("llama-cpp-python")
    write_gguf(tiny, folder / "tiny.gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--model", folder / "tiny.gguf", "--port", port, "--host", "127.0.0.1"]
    words += ["--logits_all", "true", "--n_ctx", 256, "--n_threads", 1, "--model_alias", "tiny"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "llama_cpp.server", *map(str, words)],
            stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    try:
        wait_for(process, f"http://127.0.0.1:{port}", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(PATIENCE_SECONDS * 10):
        if process.poll() is not None:
            pytest.fail(f"the server has ended:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/v1/models", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


def sampler_of(tiny: Any, url: str) -> ServerSampler:
    settings = Settings(
        sampler=SamplerSettings(chunk_rows=16), server=ServerSettings(url=url, concurrency=2)
    )
    return ServerSampler(tiny, settings)


def requests_for(tiny: Any, samples: int, problems: int = 6) -> list[Request]:
    from sitool.seeds import generator

    task = PathTask()
    drawn = [task.problem(level % 5 + 1, generator("server", level)) for level in range(problems)]
    return [
        Request(
            problem, tiny.encode(problem.prompt), tuple(derive_seed(n, i) for i in range(samples))
        )
        for n, problem in enumerate(drawn)
    ]


def flat(chunks: Any) -> list[Completion]:
    return [item for chunk in chunks for row in chunk for item in row]


def test_greedy_is_the_same_as_here(tiny: Any, url: str) -> None:
    requests, decoding = requests_for(tiny, 1), Decoding(temperature=0, max_new_tokens=16)
    expected = flat(NativeSampler(tiny, Settings()).sample(requests, decoding))
    got = flat(sampler_of(tiny, url).sample(requests, decoding))
    assert [(i.token_ids, i.text, i.finish) for i in got] == [
        (i.token_ids, i.text, i.finish) for i in expected
    ]


def test_samples_repeat_by_their_seeds(tiny: Any, url: str) -> None:
    requests, decoding = requests_for(tiny, 4), Decoding(temperature=2.0, max_new_tokens=12)
    first = flat(sampler_of(tiny, url).sample(requests, decoding))
    again = flat(sampler_of(tiny, url).sample(requests, decoding))
    assert [item.token_ids for item in first] == [item.token_ids for item in again]
    assert len({item.token_ids for item in first}) > 6


def test_its_logprobs_are_those_of_the_base(tiny: Any, url: str) -> None:
    """It gives none for the end token: only what was cut off at the limit has them all."""
    import torch

    requests = requests_for(tiny, 4)
    drawn = sampler_of(tiny, url).sample(requests, Decoding(temperature=1.5, max_new_tokens=4))
    compared = 0
    for request, row in zip(requests, [row for chunk in drawn for row in chunk], strict=True):
        for item in row:
            assert bool(item.token_logprobs) == (item.finish == "length")
            if item.token_logprobs:
                ids = torch.tensor([[*request.prompt_ids, *item.token_ids]])
                with torch.no_grad():
                    law = tiny.network(input_ids=ids).logits[0].log_softmax(-1)
                start = len(request.prompt_ids) - 1
                ours = [law[start + n, token].item() for n, token in enumerate(item.token_ids)]
                assert item.token_logprobs == pytest.approx(ours, abs=0.02)
                compared += 1
    assert compared > 4


def test_its_filters_are_obeyed(tiny: Any, url: str) -> None:
    requests = requests_for(tiny, 3)
    greedy = flat(sampler_of(tiny, url).sample(requests, Decoding(temperature=0, max_new_tokens=8)))
    for name, value in {"top_k": 1, "min_p": 1.0, "top_p": 1e-6}.items():
        decoding = Decoding(**{"temperature": 2.0, "max_new_tokens": 8, name: value})
        got = flat(sampler_of(tiny, url).sample(requests, decoding))
        assert [item.text for item in got] == [item.text for item in greedy]


def test_a_prompt_too_long_for_it_is_told(tiny: Any, url: str) -> None:
    (request,) = requests_for(tiny, 1, problems=1)
    long = Request(request.problem, request.prompt_ids * 20, request.seeds)
    tiny_context, tiny.context = tiny.context, None
    try:
        with pytest.raises(SamplerError, match=r"/v1/completions answered [45]\d\d"):
            list(sampler_of(tiny, url).sample([request, long], Decoding(max_new_tokens=200)))
    finally:
        tiny.context = tiny_context
