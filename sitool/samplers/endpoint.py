"""HTTP to one place: many requests at once, each tried again, all of them left at once.

Threads and the standard library's client. It goes to the url that the user
named and nowhere else: no redirect is followed and no proxy asked. Leaves out
what is asked (`dialect.py`) and what an answer means (`replies.py`).
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPSConnection,
    IncompleteRead,
    RemoteDisconnected,
)
from itertools import count
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sitool.config import ServerSettings
from sitool.errors import SamplerError
from sitool.samplers.wire import CutOffError, Reply, Wire
from sitool.visible import one_line

CONNECT_SECONDS = 10.0
LOOK_SECONDS = 0.05
"""How often the waiting thread looks up."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may do better."""
HINTS = {
    401: "try: set server.key_variable to the environment variable that holds the API key",
    403: "try: set server.key_variable to the environment variable that holds the API key",
    404: "try: look at server.url, such as http://localhost:8000, and at server.model",
    429: "try: a smaller server.concurrency, or more server.retries",
}
LOOK_AT_LOG = "try: look at the server's log, then step again; what is drawn is kept"


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        path: Behind the url, such as `/v1/completions`.
        body: Sent as JSON by POST; None: GET.
    """

    path: str
    body: Mapping[str, Any] | None = None


class Endpoint:
    """The server that the settings name.

    Args:
        settings: Where it is, and how patient to be.
        breathe: Called several times a second while requests are under way; may
            raise a `BaseException`, and all of them are left at once.

    Raises:
        SamplerError: No url is set, or the variable of the key is not.
    """

    def __init__(self, settings: ServerSettings, breathe: Callable[[], None]) -> None:
        if not settings.url:
            raise SamplerError(
                "The server sampler has no server to ask: server.url is ''.",
                "try: set server.url to an OpenAI-compatible server, such as http://localhost:8000",
            )
        self.url = settings.url.rstrip("/").removesuffix("/v1")
        self._place = _read_place(self.url)
        self.time_limit_seconds = settings.time_limit_seconds
        self._retries = settings.retries
        self._concurrency = settings.concurrency
        self._breathe = breathe
        self._key = _read_key(settings.key_variable)
        self._reached = False

    def ask(self, call: Call, *, also: Collection[int] = ()) -> Reply:
        """Send one request, see `ask_all`."""
        return self.ask_all([call], also=also)[0]

    def ask_all(self, calls: Sequence[Call], *, also: Collection[int] = ()) -> list[Reply]:
        """Send requests, several at once, and return the answers in the order of the requests.

        Args:
            also: Status codes, beside those from 200 to 299, that are an answer.

        Raises:
            SamplerError: A request stayed without an answer; the others are cut off.
        """
        work = _Work(calls)
        wires = [self._new_wire() for _ in range(min(self._concurrency, len(calls)))]
        try:
            for wire in wires:
                worker = threading.Thread(target=self._serve, args=(work, wire, also), daemon=True)
                worker.start()
            while not work.finished.wait(LOOK_SECONDS):
                self._breathe()
                for wire in wires:
                    wire.look_at_clock()
        finally:
            # Also when breathing has raised: then requests are still under way.
            work.give_up()
            for wire in wires:
                wire.cut()
        return work.replies()

    def fail(self, path: str, fact: str, hint: str = LOOK_AT_LOG) -> SamplerError:
        """Make the error that tells what went wrong at a path."""
        return SamplerError(f"{self.url}{path} {fact}.", hint)

    def _new_wire(self) -> Wire:
        place = self._place
        kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
        patience = min(CONNECT_SECONDS, self.time_limit_seconds)
        connection = kind(place.hostname or "", place.port, timeout=patience)
        headers = {"Accept": "application/json", "User-Agent": "sitool"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return Wire(connection, place.path, headers, self.time_limit_seconds)

    def _serve(self, work: "_Work", wire: Wire, also: Collection[int]) -> None:
        """Work off requests until there are none, in a thread of its own."""
        try:
            while (number := work.next_number()) is not None:
                work.finish(number, self._insist(work, wire, work.calls[number], also))
        except CutOffError:
            pass
        except BaseException as error:
            work.fail(error)
        finally:
            wire.close()

    def _insist(self, work: "_Work", wire: Wire, call: Call, also: Collection[int]) -> Reply:
        """Send a request until it is answered or has been tried often enough."""
        body = None if call.body is None else json.dumps(call.body).encode()
        for attempt in count():
            wait, last = backoff_seconds(attempt), attempt >= self._retries
            try:
                reply = wire.send(call.path, body)
            except (OSError, HTTPException) as error:
                if last or not self._may_pass(error):
                    raise self._no_answer(call.path, error, attempt + 1) from error
            else:
                self._reached = True
                if 200 <= reply.status < 300 or reply.status in also:
                    break
                asked = retry_after_seconds(reply.headers.get("retry-after", ""), time.time())
                if last or reply.status not in AGAIN or asked > self.time_limit_seconds:
                    raise self.refusal(call.path, reply, attempt + 1, asked)
                wait = max(wait, asked)
            if work.over.wait(wait):
                raise CutOffError
        return reply

    def _may_pass(self, error: Exception) -> bool:
        """Whether the same request may do better in a moment.

        A port where nobody has listened yet is more likely a mistyped one.
        """
        if isinstance(error, ConnectionRefusedError):
            return self._reached
        dropped = isinstance(error, (OSError, IncompleteRead, RemoteDisconnected))
        return dropped and not isinstance(error, SSLCertVerificationError)

    def _no_answer(self, path: str, error: Exception, times: int) -> SamplerError:
        tried = f", {times} times" if times > 1 else ""
        if isinstance(error, TimeoutError):
            return self.fail(
                path,
                f"gave no whole answer within {self.time_limit_seconds:g} s{tried}",
                "try: a larger server.time_limit_seconds or a smaller server.concurrency",
            )
        words = one_line(str(error), 200) or type(error).__name__
        return self.fail(
            path,
            f"cannot be reached or dropped the connection{tried}: {words}",
            "try: see whether the server runs, and look at server.url; what is drawn is kept",
        )

    def refusal(self, path: str, reply: Reply, times: int = 1, asked: float = 0.0) -> SamplerError:
        """Make the error that tells of an answer that is none."""
        tried = f", {times} times" if times > 1 else ""
        wait = f", and asks to wait {asked:g} s" if asked > self.time_limit_seconds else ""
        words = _complaint(reply.body)
        if self._key:
            words = words.replace(self._key, "(the key)")
        return self.fail(
            path, f"answered {reply.status}{wait}{tried}: {words}",
            HINTS.get(reply.status, LOOK_AT_LOG),
        )  # fmt: skip


class _Work:
    """Requests that several threads share out, and what has become of them."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self.finished, self.over = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._next = 0
        self._replies: dict[int, Reply] = {}
        self._error: BaseException | None = None
        if not calls:
            self.finished.set()

    def next_number(self) -> int | None:
        with self._lock:
            if self._next == len(self.calls) or self.over.is_set():
                return None
            self._next += 1
            return self._next - 1

    def finish(self, number: int, reply: Reply) -> None:
        with self._lock:
            self._replies[number] = reply
            if len(self._replies) == len(self.calls):
                self.finished.set()

    def fail(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error
        self.finished.set()

    def give_up(self) -> None:
        self.over.set()

    def replies(self) -> list[Reply]:
        if self._error is not None:
            raise self._error
        return [self._replies[number] for number in range(len(self.calls))]


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait after a failed attempt, from 0: twice as long each time.

    The half of it is left to chance, so that requests that failed together do
    not come again together.
    """
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**attempt)
    return longest * random.uniform(0.5, 1.0)


def retry_after_seconds(text: str, now: float) -> float:
    """Read a Retry-After header, seconds or a date; 0 where there is none that can be read.

    >>> retry_after_seconds("7", 0.0)
    7.0
    >>> retry_after_seconds("Thu, 01 Jan 1970 00:01:00 GMT", now=45.0)
    15.0
    >>> retry_after_seconds("soon", 0.0)
    0.0
    """
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0


def _read_place(url: str) -> SplitResult:
    try:
        place = urlsplit(url)
        fits = bool(place.hostname) and place.port != 0 and url.isascii()
    except ValueError:
        fits = False
    if not fits:
        raise SamplerError(
            f"server.url is {url!r}, which names no host and port.",
            "try: set server.url to the server's address, such as http://localhost:8000",
        )
    return place


def _read_key(variable: str) -> str:
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise SamplerError(
            f"The environment variable {variable!r}, which server.key_variable names, is not set.",
            f"try: export {variable}=..., then start sitool again",
        )
    if not (key.isascii() and key.isprintable()):
        raise SamplerError(
            f"The environment variable {variable!r} holds characters that no API key has.",
            f"try: export {variable}=... with the key alone",
        )
    return key


def _complaint(body: bytes) -> str:
    """Return the server's own words in one line."""
    text = body.decode(errors="replace")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    while isinstance(found, dict):
        found = next((found[k] for k in ("error", "message", "detail") if k in found), None)
    return one_line(str(found or text).strip(), 200) or "nothing"
