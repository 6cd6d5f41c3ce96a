"""The server sampler against servers on loopback: faithful ones, and ones that fail."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Answer, Asked, Faithful, Loopback, completion, faithful

from sitool.config import SamplerSettings, ServerSettings, Settings
from sitool.errors import ConfigError, SamplerError
from sitool.presets import build_settings
from sitool.records import Completion, Problem
from sitool.samplers import dialect, endpoint, hosting
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import NativeSampler
from sitool.samplers.replies import Choice, ShapeError, read_choice
from sitool.samplers.server import ServerSampler
from sitool.seeds import derive_seed

Serve = Callable[..., Loopback]


@pytest.fixture
def model(load_local: Callable[..., Any]) -> Any:
    return load_local()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a server until the test is over."""
    with ExitStack() as stack:
        yield lambda respond: stack.enter_context(Loopback(respond))


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.01)


def sampler_of(
    model: Any, url: str, chunk_rows: int = 512, name: str = "base", **server: Any
) -> ServerSampler:
    settings = Settings(
        sampler=SamplerSettings(chunk_rows=chunk_rows),
        server=ServerSettings(url=url, model=name, **server),
    )
    return ServerSampler(model, settings)


def requests_for(model: Any, samples: int = 3) -> list[Request]:
    return [
        Request(
            Problem("test", 1, prompt, "abcd"),
            model.encode(prompt),
            tuple(derive_seed(number, sample) for sample in range(samples)),
        )
        for number, prompt in enumerate(["ab,bc|a>c=", "12+3=", "a b c d e f"])
    ]


def flat(chunks: Any) -> list[Completion]:
    return [item for chunk in chunks for row in chunk for item in row]


def after_probes(later: Callable[[int, Asked], Answer]) -> Callable[[Asked], Answer]:
    """Answer probes plainly, and what comes after them as told, by number from 0."""
    lock, count = threading.Lock(), iter(range(10_000))

    def respond(asked: Asked) -> Answer:
        if asked.path != "/v1/completions" or asked.body["max_tokens"] == 1:
            return Answer(completion())
        with lock:
            number = next(count)
        return later(number, asked)

    return respond


# What a faithful server gives.


@pytest.mark.parametrize("shape", ["vllm", "llama-server", "llama-cpp-python", "text"])
def test_it_gives_what_the_server_draws(
    model: Any, load_local: Callable[..., Any], shape: str
) -> None:
    """As far as its shape can tell: special tokens show in token ids alone."""
    requests, decoding = requests_for(model, 4), Decoding(max_new_tokens=12)
    reduced = [
        Request(r.problem, r.prompt_ids, tuple(seed % dialect.SEEDS for seed in r.seeds))
        for r in requests
    ]
    expected = flat(NativeSampler(model, Settings()).sample(reduced, decoding))
    with faithful(load_local(), shape) as loopback:
        got = flat(sampler_of(model, loopback.url).sample(requests, decoding))
        sent = {type(body["prompt"]) for body in loopback.completions[-12:]}
    with_ids = shape in ("vllm", "llama-server")
    assert sent == {list if with_ids else str}
    unknown = model.tokenizer.unk_token_id
    for ours, theirs in zip(got, expected, strict=True):
        shown = tuple(t for t in theirs.token_ids if with_ids or t != unknown)
        assert (ours.token_ids, ours.text, ours.finish) == (shown, theirs.text, theirs.finish)
        whole = shown == theirs.token_ids and theirs.finish == "length"
        if with_ids or (shape == "llama-cpp-python" and whole):
            assert ours.token_logprobs == pytest.approx(theirs.token_logprobs, abs=1e-4)
        else:
            assert (ours.token_logprobs, ours.logprob) == ((), None)
    assert len({item.token_ids for item in got}) > 6
    assert shape == "text" or any(item.token_logprobs for item in got)


def test_every_sample_is_asked_for_with_its_own_seed(
    model: Any, load_local: Callable[..., Any]
) -> None:
    requests = requests_for(model, 5)
    with faithful(load_local()) as loopback:
        list(sampler_of(model, loopback.url).sample(requests, Decoding(max_new_tokens=3)))
        sent = {body["seed"] for body in loopback.completions}
    assert {seed % dialect.SEEDS for request in requests for seed in request.seeds} <= sent
    assert max(sent) < 2**31 - 1


def test_nothing_is_left_to_a_server_s_own_defaults(
    model: Any, load_local: Callable[..., Any]
) -> None:
    with faithful(load_local()) as loopback:
        list(sampler_of(model, loopback.url).sample(requests_for(model), Decoding(0.7)))
        body = loopback.completions[-1]
    neutral = {
        "temperature": 0.7, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "presence_penalty": 0.0,
        "frequency_penalty": 0.0, "repetition_penalty": 1.0, "repeat_penalty": 1.0, "n": 1,
        "stream": False, "max_tokens": 32, "model": "base",
    }  # fmt: skip
    assert {name: body[name] for name in neutral} == neutral


@pytest.mark.parametrize("of", ["plain", "sampling"])
def test_logprobs_of_another_temperature_are_left_out(
    model: Any, load_local: Callable[..., Any], of: str
) -> None:
    cool = Decoding(temperature=0.5, max_new_tokens=4)
    with faithful(load_local(), logprobs_of=of) as loopback:
        sampler = sampler_of(model, loopback.url)
        cooled = flat(sampler.sample(requests_for(model), cool))
        plain = flat(sampler.sample(requests_for(model), Decoding(max_new_tokens=4)))
    assert all(item.token_logprobs for item in plain)
    assert {bool(item.token_logprobs) for item in cooled} == {of == "plain"}


@pytest.mark.parametrize(("name", "value"), [("top_k", 5), ("min_p", 0.2), ("top_p", 0.5)])
def test_a_setting_that_the_server_would_ignore_is_refused(
    model: Any, load_local: Callable[..., Any], name: str, value: float
) -> None:
    decoding = Decoding(**{name: value, "max_new_tokens": 4})
    with faithful(load_local()) as honest:
        assert flat(sampler_of(model, honest.url).sample(requests_for(model), decoding))
    with faithful(load_local(), ignores=[name]) as deaf:
        with pytest.raises(SamplerError, match=f"does not obey {name}: .* would be ignored") as it:
            next(sampler_of(model, deaf.url).sample(requests_for(model), decoding))
        assert all(body["temperature"] in (1.0, 2.0) for body in deaf.completions)
    assert it.value.hint.startswith(f"try: set sampler.{name} to")


def test_what_is_refused_is_refused_before_a_greedy_evaluation(
    model: Any, load_local: Callable[..., Any]
) -> None:
    with faithful(load_local(), ignores=["top_k"]) as deaf:
        settings = Settings(
            sampler=SamplerSettings(top_k=3), server=ServerSettings(url=deaf.url, model="base")
        )
        with pytest.raises(SamplerError, match=r"does not obey top_k: sampler.top_k = 3"):
            next(ServerSampler(model, settings).sample(requests_for(model), Decoding(0)))


def test_fields_that_a_server_does_not_take_are_refused(
    model: Any, load_local: Callable[..., Any]
) -> None:
    with (
        faithful(load_local(), "text") as loopback,
        pytest.raises(SamplerError, match="does not obey top_k"),
    ):
        next(sampler_of(model, loopback.url).sample(requests_for(model), Decoding(top_k=3)))


@pytest.mark.parametrize("shape", ["llama-server", "llama-cpp-python", "text"])
def test_stop_strings_are_found_here_where_a_server_would_lose_tokens(
    model: Any, load_local: Callable[..., Any], shape: str
) -> None:
    with faithful(load_local(), shape) as loopback:
        sampler = sampler_of(model, loopback.url)
        free = flat(sampler.sample(requests_for(model, 8), Decoding(max_new_tokens=16)))
        stop = (sorted({letter for item in free for letter in item.text[1:]})[0],)
        stopped = flat(
            sampler.sample(requests_for(model, 8), Decoding(max_new_tokens=16, stop=stop))
        )
        assert not any("stop" in body for body in loopback.completions)
    assert any(stop[0] in item.text for item in free)
    for item, other in zip(stopped, free, strict=True):
        assert item.text == other.text.split(stop[0])[0]
        assert item.token_ids == other.token_ids[: len(item.token_ids)]


def test_a_prompt_that_the_server_reads_otherwise_is_refused(model: Any, serve: Serve) -> None:
    usage = {"prompt_tokens": 99}
    loopback = serve(lambda asked: Answer(completion() | {"usage": usage}))
    with pytest.raises(SamplerError, match=r"as 99 tokens, where model.base has 10"):
        next(sampler_of(model, loopback.url).sample(requests_for(model), Decoding()))
    assert isinstance(loopback.completions[0]["prompt"], list)
    assert isinstance(loopback.completions[-1]["prompt"], str)


# Servers that fail.


def test_what_fails_for_a_moment_is_tried_again(model: Any, serve: Serve) -> None:
    failures = {
        0: Answer({"error": "busy"}, status=500),
        1: Answer(completion(), cut=10),
        2: Answer(status=429, headers={"Retry-After": "0"}),
        3: Answer(completion(), wait=threading.Event()),
        4: Answer(completion("x" * 4000), dribble=0.05),
    }
    loopback = serve(after_probes(lambda number, _: failures.get(number, Answer(completion()))))
    sampler = sampler_of(model, loopback.url, time_limit_seconds=2.0, retries=5, concurrency=1)
    assert [item.text for item in flat(sampler.sample(requests_for(model, 1), Decoding()))] == [
        "ab"
    ] * 3
    assert len([body for body in loopback.completions if body["max_tokens"] > 1]) == 3 + 5


def test_it_waits_as_long_as_it_is_told_to(model: Any, serve: Serve) -> None:
    times: list[float] = []

    def later(number: int, _: Asked) -> Answer:
        times.append(time.monotonic())
        told = Answer(status=503, headers={"Retry-After": "1"})
        return told if number == 0 else Answer(completion())

    loopback = serve(after_probes(later))
    next(sampler_of(model, loopback.url).sample(requests_for(model, 1)[:1], Decoding()))
    assert times[1] - times[0] >= 1


def test_it_does_not_wait_for_an_hour(model: Any, serve: Serve) -> None:
    told = Answer({"error": {"message": "quota"}}, status=429, headers={"Retry-After": "3600"})
    loopback = serve(after_probes(lambda *_: told))
    with pytest.raises(SamplerError, match="answered 429, and asks to wait 3600 s: quota") as it:
        next(sampler_of(model, loopback.url).sample(requests_for(model, 1)[:1], Decoding()))
    assert it.value.hint == "try: a smaller server.concurrency, or more server.retries"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({"detail": "busy"}, status=500), "answered 500, 3 times: busy"),
        (Answer(completion(), cut=10), "dropped the connection, 3 times"),
        (Answer(completion(), wait=threading.Event()), "gave no whole answer within 1 s, 3 times"),
        (Answer(completion("x" * 4000), dribble=0.05), "gave no whole answer within 1 s, 3 times"),
    ],
)
def test_what_goes_on_failing_is_told_in_a_sentence(
    model: Any, serve: Serve, answer: Answer, words: str
) -> None:
    loopback = serve(after_probes(lambda *_: answer))
    sampler = sampler_of(model, loopback.url, time_limit_seconds=1.0, retries=2)
    with pytest.raises(SamplerError, match=words) as it:
        next(sampler.sample(requests_for(model, 1)[:1], Decoding()))
    assert it.value.message.startswith(f"{loopback.url}/v1/completions ")
    assert it.value.hint.startswith("try: ")
    assert len([body for body in loopback.completions if body["max_tokens"] > 1]) == 3


BAD = completion()["choices"][0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(b"<html>hello</html>"), "gave no JSON but '<html>hello</html>'"),
        (Answer(b'{"choices": [{"text": "ab"'), "gave no JSON but"),
        (Answer([1, 2]), r"gave \[1, 2\], which is no JSON object"),
        (Answer({"choices": []}), "gave 0 choices where one was asked for"),
        (Answer({"choices": [BAD, BAD]}), "gave 2 choices where one was asked for"),
        (Answer({"object": "error"}), "gave no list of choices where one was asked for"),
        (Answer({"choices": [BAD | {"index": 3}]}), "gave choice 3 where choice 0"),
        (Answer({"choices": [BAD | {"text": None}]}), "gave the text None, which is none"),
        (Answer(completion(finish="abort")), "ended a completion with 'abort'"),
        (Answer(completion(token_ids=["a"])), r"gave the token ids \['a'\], which are none"),
        (Answer(completion(token_ids=[1, 4711])), "answered with token 4711, where model.base has"),
        (Answer(completion(token_ids=[2] * 40)), "answered with 40 tokens, and 32 are the limit"),
        (Answer(completion("", "length")), "ended a completion at its limit before its first"),
        (Answer({"error": {"message": "too long"}}, status=400), "answered 400: too long"),
        (Answer(b"", status=302, headers={"Location": "/elsewhere"}), "answered 302: nothing"),
        (Answer(b"no", status=403), "answered 403: no"),
    ],
)
def test_what_is_no_answer_is_told_and_not_tried_again(
    model: Any, serve: Serve, answer: Answer, words: str
) -> None:
    loopback = serve(after_probes(lambda *_: answer))
    with pytest.raises(SamplerError, match=words) as it:
        next(sampler_of(model, loopback.url).sample(requests_for(model, 1)[:1], Decoding()))
    assert it.value.message.startswith(f"{loopback.url}/v1/completions ")
    assert len([body for body in loopback.completions if body["max_tokens"] > 1]) == 1
    assert {asked.path for asked in loopback.asked} == {"/v1/completions"}


def test_a_server_that_is_none_is_told_at_once(model: Any, serve: Serve) -> None:
    loopback = serve(lambda _: Answer(b"hello"))
    with pytest.raises(SamplerError, match="gave no JSON but 'hello'"):
        next(sampler_of(model, loopback.url).sample(requests_for(model), Decoding()))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(SamplerError, match=r"cannot be reached .*: .*refused") as it:
            next(sampler_of(model, url, retries=20).sample(requests_for(model), Decoding()))
    assert "look at server.url" in it.value.hint


def test_a_model_that_the_server_has_not_is_told_at_once(
    model: Any, load_local: Callable[..., Any]
) -> None:
    with faithful(load_local()) as loopback:
        with pytest.raises(SamplerError, match="answered 404: no such model"):
            next(sampler_of(model, loopback.url, name="b").sample(requests_for(model), Decoding()))
        assert len(loopback.asked) == 1


# Many at once.


def test_answers_come_in_the_order_of_the_requests(model: Any, serve: Serve) -> None:
    """Those asked for first are answered last."""
    gates = [threading.Event() for _ in range(9)]

    def later(number: int, asked: Asked) -> Answer:
        if number == 8:
            threading.Thread(target=open_all).start()
        return Answer(completion("abcdefghi"[seeds.index(asked.body["seed"])]), wait=gates[number])

    def open_all() -> None:
        for gate in reversed(gates):
            gate.set()
            time.sleep(0.02)

    requests = requests_for(model, 3)
    seeds = [seed % dialect.SEEDS for request in requests for seed in request.seeds]
    loopback = serve(after_probes(later))
    chunks = list(sampler_of(model, loopback.url, concurrency=9).sample(requests, Decoding()))
    assert "".join(item.text for item in flat(chunks)) == "abcdefghi"


def test_no_more_requests_are_under_way_than_allowed(model: Any, serve: Serve) -> None:
    def later(number: int, _: Asked) -> Answer:
        return Answer(completion(), dribble=0.0005)

    loopback = serve(after_probes(later))
    sampler = sampler_of(model, loopback.url, concurrency=3, chunk_rows=8)
    chunks = list(sampler.sample(requests_for(model, 4), Decoding()))
    assert [len(chunk) for chunk in chunks] == [2, 1]
    assert 2 <= loopback.most <= 3


class Leave(BaseException):
    """Somebody has asked to stop."""


def test_breathing_leaves_all_requests_at_once(model: Any, serve: Serve) -> None:
    never = threading.Event()
    loopback = serve(after_probes(lambda *_: Answer(completion(), wait=never)))

    def breathe() -> None:
        if len([body for body in loopback.completions if body["max_tokens"] > 1]) == 4:
            raise Leave

    model.breathe_with(breathe)
    sampler = sampler_of(model, loopback.url, concurrency=4, time_limit_seconds=3600)
    with pytest.raises(Leave):
        next(sampler.sample(requests_for(model, 4), Decoding()))
    while loopback.cut_off < 4:
        time.sleep(0.01)
    assert len([body for body in loopback.completions if body["max_tokens"] > 1]) == 4


# Keys and addresses.


def test_a_key_is_sent_and_never_shown(
    model: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_KEY", "tops3cret")
    words = {"error": {"message": "the key tops3cret is wrong"}}
    loopback = serve(lambda _: Answer(words, status=401))
    sampler = sampler_of(model, loopback.url, key_variable="OUR_KEY")
    with pytest.raises(SamplerError, match=r"answered 401: the key \(the key\) is wrong") as it:
        next(sampler.sample(requests_for(model), Decoding()))
    assert "server.key_variable" in it.value.hint
    assert loopback.asked[0].headers["Authorization"] == "Bearer tops3cret"


def test_a_key_that_is_missing_is_told_before_anything_is_sent(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(
        SamplerError, match=r"'NO_SUCH_KEY', which server.key_variable names, is no"
    ):
        sampler_of(model, "http://127.0.0.1:1", key_variable="NO_SUCH_KEY")


@pytest.mark.parametrize(
    "assignment",
    [
        "server.url=localhost:8000", "server.url=ftp://host", "server.url=http://me:key@host",
        "server.url=http://host/?key=1", "server.key_variable=sk-12ab", "server.concurrency=0",
    ],
)  # fmt: skip
def test_settings_that_cannot_be_right_are_refused(assignment: str) -> None:
    with pytest.raises(ConfigError, match=assignment.partition("=")[0]):
        build_settings(assignments=[assignment])


@pytest.mark.parametrize("url", ["http://host:99999", "http://:80", "http://host:no", "http://hä"])
def test_a_url_without_host_and_port_is_refused(model: Any, url: str) -> None:
    with pytest.raises(SamplerError, match="names no host and port"):
        sampler_of(model, url)


def test_without_a_url_nothing_is_asked(model: Any) -> None:
    with pytest.raises(SamplerError, match=r"has no server to ask: server.url is ''"):
        sampler_of(model, "")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of our own for the loopback address, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    file = tmp_path / "own.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=loopback"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file, "-out",
         tmp_path / "alone.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    with file.open("ab") as both:
        both.write((tmp_path / "alone.pem").read_bytes())
    return file


def test_https_is_spoken_with_those_whose_certificate_is_known(
    model: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    answers = {1: Answer(completion(), wait=never)}
    respond = after_probes(lambda number, _: answers.get(number, Answer(completion())))
    with Loopback(respond, certificate) as loopback:
        sampler = sampler_of(model, loopback.url, concurrency=1, time_limit_seconds=2.0)
        with pytest.raises(SamplerError, match=r"cannot be reached .*: .*self.signed certificate"):
            next(sampler.sample(requests_for(model), Decoding()))
        assert loopback.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        chunks = sampler.sample(requests_for(model, 1), Decoding())
        assert [item.text for item in flat(chunks)] == ["ab"] * 3
        assert loopback.cut_off == 1


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_a_url_may_end_as_other_clients_want_it(
    model: Any, load_local: Callable[..., Any], ending: str
) -> None:
    with faithful(load_local()) as loopback:
        sampler = sampler_of(model, loopback.url + ending, name="")
        assert flat(sampler.sample(requests_for(model, 1), Decoding(max_new_tokens=2)))
        assert {body["model"] for body in loopback.completions} == {"base"}


# Adapters.


@pytest.fixture
def adapters(load_local: Callable[..., Any], tmp_path: Path) -> list[Path]:
    """Two adapters of a study that change what the base says."""
    import torch

    from sitool.models import lora

    made = []
    for number in (1, 2):
        trained = load_local()
        torch.manual_seed(number)
        with torch.no_grad():
            for parameter in lora.lora_parameters(trained.network).values():
                parameter.normal_(0, 0.3)
        made.append(tmp_path / "my study" / "adapters" / f"r000{number}")
        trained.save_adapter(made[-1])
    return made


def test_every_round_is_sampled_from_its_own_adapter(
    model: Any, load_local: Callable[..., Any], adapters: list[Path]
) -> None:
    requests, decoding = requests_for(model, 2), Decoding(max_new_tokens=8, temperature=0)
    server = Faithful(load_local())
    with Loopback(server) as loopback:
        sampler = sampler_of(model, loopback.url, adapters="vllm")
        texts = []
        for folder in (None, *adapters, adapters[1], None):
            model.use_adapter(folder)
            expected = flat(NativeSampler(model, Settings()).sample(requests, decoding))
            got = flat(sampler.sample(requests, decoding))
            assert [item.token_ids for item in got] == [item.token_ids for item in expected]
            texts.append([item.text for item in got])
    assert texts[0] != texts[1] != texts[2] != texts[0]
    first, second = map(hosting.adapter_name, adapters)
    assert server.history == [
        f"load_lora_adapter {first}", f"unload_lora_adapter {first}", f"load_lora_adapter {second}",
    ]  # fmt: skip
    assert first.startswith("sitool-my_study-")
    assert "-r0001-" in first


def test_an_adapter_that_was_made_again_is_another_one(adapters: list[Path]) -> None:
    before = hosting.adapter_name(adapters[0])
    weights = adapters[0] / "adapter_model.safetensors"
    weights.write_bytes((adapters[1] / weights.name).read_bytes())
    assert hosting.adapter_name(adapters[0]) != before


def test_a_server_that_takes_no_adapter_says_what_to_start_it_with(
    model: Any, load_local: Callable[..., Any], adapters: list[Path]
) -> None:
    model.use_adapter(adapters[0])
    with faithful(load_local(), "llama-server") as loopback:
        sampler = sampler_of(model, loopback.url, adapters="vllm")
        with pytest.raises(SamplerError, match="/v1/load_lora_adapter answered 404") as it:
            next(sampler.sample(requests_for(model), Decoding()))
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True" in it.value.hint


@pytest.mark.parametrize("way", ["none", "llama-server"])
def test_a_server_with_only_the_base_refuses_an_adapter(
    model: Any, load_local: Callable[..., Any], adapters: list[Path], way: str
) -> None:
    with faithful(load_local(), "llama-server") as loopback:
        sampler = sampler_of(model, loopback.url, adapters=way)
        assert flat(sampler.sample(requests_for(model), Decoding(max_new_tokens=2)))
        model.use_adapter(adapters[0])
        with pytest.raises(SamplerError, match=r"has only the base, .* the adapter 'r0001'") as it:
            next(sampler.sample(requests_for(model), Decoding()))
    assert "server.adapters=vllm" in it.value.hint


def test_a_base_with_an_adapter_on_is_not_taken_for_the_base(model: Any, serve: Serve) -> None:
    on = [{"id": 0, "path": "a.gguf", "scale": 0.0}, {"id": 1, "path": "b.gguf", "scale": 0.5}]
    loopback = serve(lambda _: Answer(on))
    with pytest.raises(SamplerError, match=r"has the adapter 'b.gguf' on with scale 0.5"):
        next(
            sampler_of(model, loopback.url, adapters="llama-server").sample(
                requests_for(model), Decoding()
            )
        )


# Whatever comes.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
LOGPROBS = st.fixed_dictionaries(
    {}, optional={"tokens": JSON, "token_logprobs": JSON, "top_logprobs": JSON, "content": JSON}
)
CHOICES = st.fixed_dictionaries(
    {"text": st.text(max_size=5) | JSON, "finish_reason": st.sampled_from(["stop", "length", "x"])},
    optional={"index": JSON, "token_ids": JSON, "logprobs": LOGPROBS | JSON},
)
ANSWERS = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES | JSON, max_size=2) | JSON},
    optional={"usage": st.fixed_dictionaries({"prompt_tokens": JSON, "completion_tokens": JSON})},
)


@given(st.binary(max_size=40) | (ANSWERS | JSON).map(lambda answer: json.dumps(answer).encode()))
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    try:
        choice = read_choice(body)
    except ShapeError as error:
        assert "\n" not in str(error)
        return
    assert isinstance(choice, Choice)
    assert all(type(token) is int and token >= 0 for token in choice.token_ids or ())
    assert all(-1e30 <= value <= 0 for value in choice.logprobs or ())


def test_a_token_that_llama_server_leaves_out_is_noticed() -> None:
    """A token that ends within a character is in its text and its count, and not in its list."""
    content = [{"id": 5, "logprob": -0.5}, {"id": 6, "logprob": -0.25}]
    answer = completion(logprobs={"content": content}) | {"usage": {"completion_tokens": 2}}
    assert read_choice(json.dumps(answer).encode()).token_ids == (5, 6)
    answer["usage"]["completion_tokens"] = 3
    assert read_choice(json.dumps(answer).encode()).token_ids is None
