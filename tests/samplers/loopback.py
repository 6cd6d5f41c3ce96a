"""Completion servers on loopback: one that fails as it is told to, and one that samples.

The faithful one draws with the `native` sampler, so that what comes back over
HTTP has something to be compared with; it answers in the shapes of the known servers.
"""

import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from sitool.config import Settings
from sitool.records import Completion, Problem
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import NativeSampler


@dataclass
class Answer:
    """What a server answers.

    Attributes:
        cut: Send only so many bytes of the body, then drop the connection.
        wait: Answer once this is set.
        dribble: Seconds between two bytes.
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    wait: threading.Event | None = None
    dribble: float = 0.0

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def completion(text: str = "ab", finish: str = "stop", **more: Any) -> dict[str, Any]:
    """Return the plainest answer that is one."""
    return {"choices": [{"index": 0, "text": text, "finish_reason": finish, **more}]}


@dataclass
class Asked:
    """A request that came in."""

    path: str
    body: Any
    headers: Mapping[str, str]


class Loopback:
    """A server in threads of its own.

    Args:
        respond: From a request to an answer.
        certificate: A file with a certificate and its key; None: no TLS.

    Attributes:
        asked: Every request, in the order in which they came.
        most: The most requests that were under way at once.
        cut_off: How many clients went away before their answer.
    """

    def __init__(self, respond: Callable[[Asked], Answer], certificate: Path | None = None) -> None:
        self.respond = respond
        self.asked: list[Asked] = []
        self.most = self._now = self.cut_off = 0
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def completions(self) -> list[Any]:
        """The bodies of all requests for completions."""
        return [asked.body for asked in self.asked if asked.path == "/v1/completions"]

    def __enter__(self) -> "Loopback":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                loopback.serve(self, None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                loopback.serve(self, json.loads(self.rfile.read(length)))

            def handle(self) -> None:
                with suppress(OSError):  # The client may have gone.
                    super().handle()

        return Handler

    def serve(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        asked = Asked(handler.path, body, dict(handler.headers))
        with self._lock:
            self.asked.append(asked)
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            self._send(handler, self.respond(asked))
        finally:
            with self._lock:
                self._now -= 1

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        while answer.wait is not None and not (answer.wait.wait(0.02) or self.over.is_set()):
            if self._has_gone(handler):
                self.cut_off += 1
                handler.close_connection = True
                return
        content = answer.content
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if answer.dribble:
            for place in range(len(content)):
                handler.wfile.write(content[place : place + 1])
                if self.over.wait(answer.dribble):
                    return
            return
        handler.wfile.write(content[: answer.cut])
        if answer.cut is not None:
            handler.close_connection = True

    @staticmethod
    def _has_gone(handler: BaseHTTPRequestHandler) -> bool:
        connection = handler.connection
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and socket.socket.recv(connection, 1, socket.MSG_PEEK) == b""


class Faithful:
    """Answers as a model does, in the shape of a known server.

    Args:
        model: A model of its own.
        shape: `vllm`, `llama-server`, `llama-cpp-python` or `text`, which takes and
            gives nothing but OpenAI's fields, no log-probabilities and no token ids.
        ignores: Settings that it takes without a word and does not obey.
        logprobs_of: Temperature of its log-probabilities: `plain` or `sampling`.
    """

    def __init__(
        self,
        model: Any,
        shape: str = "vllm",
        ignores: Sequence[str] = (),
        logprobs_of: str = "plain",
    ) -> None:
        self.model, self.shape, self.ignores = model, shape, ignores
        self.logprobs_of = logprobs_of
        self.loaded: dict[str, str] = {}
        self.history: list[str] = []
        self._sampler = NativeSampler(model, Settings())
        self._lock = threading.Lock()
        self._on: str | None = None
        self._drawn: dict[object, Completion] = {}

    def __call__(self, asked: Asked) -> Answer:
        with self._lock, torch.inference_mode(False):
            return self._answer(asked)

    def _answer(self, asked: Asked) -> Answer:
        if asked.path == "/v1/models":
            adapters = [{"id": name, "parent": "base"} for name in self.loaded]
            return Answer({"data": [*adapters, {"id": "base"}]})
        if asked.path == "/lora-adapters":
            return Answer([{"id": 0, "path": "x.gguf", "scale": 0.0}])
        if asked.path.endswith("_lora_adapter") and self.shape == "vllm":
            return self._change_adapters(asked)
        if asked.path != "/v1/completions":
            return Answer({"error": {"message": "no such path"}}, status=404)
        return self._complete(asked.body)

    def _change_adapters(self, asked: Asked) -> Answer:
        name = asked.body["lora_name"]
        self.history.append(f"{asked.path.removeprefix('/v1/')} {name}")
        if asked.path == "/v1/unload_lora_adapter":
            del self.loaded[name]
        else:
            assert name not in self.loaded
            assert Path(asked.body["lora_path"]).is_dir()
            self.loaded[name] = asked.body["lora_path"]
        return Answer(b"Success: it is done.")

    def _complete(self, body: dict[str, Any]) -> Answer:
        known = {"prompt", "max_tokens", "temperature", "top_p", "seed", "n", "stream", "model",
                 "presence_penalty", "frequency_penalty"}  # fmt: skip
        if self.shape == "text" and set(body) - known:
            return Answer({"detail": "unknown fields"}, status=422)
        takes_ids = self.shape in ("vllm", "llama-server")
        if not isinstance(body["prompt"], str) and not takes_ids:
            return Answer({"detail": "prompt must be a string"}, status=422)
        if body.get("model") not in ("base", *self.loaded):
            return Answer({"error": {"message": "no such model"}}, status=404)
        self._use(self.loaded.get(body["model"]))
        prompt = body["prompt"]
        ids = self.model.encode(prompt) if isinstance(prompt, str) else tuple(prompt)
        drawn = self._draw(ids, body)
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(drawn.token_ids)}
        choice = {"index": 0, "text": drawn.text, "finish_reason": drawn.finish}
        return Answer({"choices": [choice | self._more(ids, drawn, body)], "usage": usage})

    def _use(self, folder: str | None) -> None:
        if folder != self._on:
            self.model.use_adapter(None if folder is None else Path(folder))
            self._on = folder

    def _draw(self, ids: tuple[int, ...], body: dict[str, Any]) -> Completion:
        def of(name: str, neutral: Any) -> Any:
            return neutral if name in self.ignores else body.get(name, neutral)

        decoding = Decoding(
            body["temperature"], of("top_p", 1.0), of("top_k", 0), of("min_p", 0.0),
            body["max_tokens"], tuple(body.get("stop", ())),
        )  # fmt: skip
        # A seed says what is drawn, so that what was asked before need not be drawn again.
        same = (self._on, ids, body["seed"], decoding)
        if same not in self._drawn:
            request = Request(Problem("test", 1, "?", "?"), ids, (body["seed"],))
            (((self._drawn[same],),),) = self._sampler.sample([request], decoding)
        return self._drawn[same]

    def _more(
        self, ids: tuple[int, ...], drawn: Completion, body: dict[str, Any]
    ) -> dict[str, Any]:
        wants = body.get("logprobs")
        if self.shape == "vllm":
            extra: dict[str, Any] = {}
            if body.get("return_token_ids"):
                extra["token_ids"] = list(drawn.token_ids)
            return extra | ({"logprobs": self._lists(ids, drawn, body)} if wants else {})
        if self.shape == "llama-cpp-python" and wants:
            # As there: the end token is in neither list.
            lists = self._lists(ids, drawn, body)
            kept = len(drawn.token_ids) - (drawn.token_ids[-1] == self.model.end_token)
            return {"logprobs": {name: values[:kept] for name, values in lists.items()}}
        if self.shape == "llama-server" and wants:
            lists = self._lists(ids, drawn, body)
            rows = zip(drawn.token_ids, lists["token_logprobs"], strict=True)
            top = [{"id": 1, "logprob": max(lists["top_logprobs"][0].values())}]
            content = [{"id": i, "token": "?", "logprob": p, "top_logprobs": top} for i, p in rows]
            return {"logprobs": {"content": content}}
        return {}

    def _lists(
        self, ids: tuple[int, ...], drawn: Completion, body: dict[str, Any]
    ) -> dict[str, Any]:
        heat = body["temperature"] or 1.0
        with torch.no_grad():
            row = torch.tensor([[*ids, *drawn.token_ids]])
            logits = self.model.network(input_ids=row).logits[0, len(ids) - 1 : -1]
        law = (logits / (heat if self.logprobs_of == "sampling" else 1.0)).log_softmax(-1)
        values = law.gather(1, torch.tensor(drawn.token_ids)[:, None])[:, 0].tolist()
        tops = [{"top": value} for value in law.max(dim=-1).values.tolist()]
        pieces = self.model.decode_many([(token,) for token in drawn.token_ids])
        return {"tokens": pieces, "token_logprobs": values, "top_logprobs": tops}


@contextmanager
def faithful(model: Any, shape: str = "vllm", **ways: Any) -> Iterator[Loopback]:
    """Serve a model."""
    with Loopback(Faithful(model, shape, **ways)) as loopback:
        yield loopback
