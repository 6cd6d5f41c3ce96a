"""One connection for one request after another, which another thread can cut.

A blocked read ends at once when its socket is shut down: that is how a time
limit over the whole answer, and leaving at once, are had from a blocking client.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead

LARGEST_ANSWER = 64 * 2**20
"""Bytes."""


class CutOffError(Exception):
    """The wire was cut by somebody who no longer wants an answer."""


class TooLargeError(HTTPException):
    """The answer is larger than any that is worth reading."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        headers: By name in small letters.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A connection that stays open between requests.

    Args:
        prefix: Comes before every path.
        limit_seconds: From sending a request to the last byte of its answer.
    """

    def __init__(
        self,
        connection: HTTPConnection,
        prefix: str,
        headers: Mapping[str, str],
        limit_seconds: float,
    ) -> None:
        self._connection = connection
        self._prefix, self._headers, self._limit = prefix, headers, limit_seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._deadline: float | None = None
        self._late = self._cut = False

    def send(self, path: str, body: bytes | None) -> Reply:
        """Send a request and wait for the whole answer.

        Raises:
            CutOffError: `cut` was called.
            TimeoutError: The limit is over.
            OSError: The connection failed.
            HTTPException: It is not HTTP, or ended too early.
        """
        with self._lock:
            self._late, self._deadline = False, time.monotonic() + self._limit
        try:
            return self._exchange(path, body)
        except (CutOffError, OSError, HTTPException, ValueError, AttributeError) as error:
            # Cut at a bad moment, http.client stumbles over its own missing socket.
            self.close()
            if self._cut:
                raise CutOffError from error
            if self._late:
                raise TimeoutError(f"no answer within {self._limit:g} s") from error
            raise
        finally:
            with self._lock:
                self._deadline = None

    def _exchange(self, path: str, body: bytes | None) -> Reply:
        connection = self._connection
        if connection.sock is None:
            self._open()
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        method = "GET" if body is None else "POST"
        connection.request(method, self._prefix + path, body, headers)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, _read_body(response))

    def _open(self) -> None:
        self._connection.connect()
        opened = self._connection.sock
        opened.settimeout(None)  # From here on the clock is looked at from outside.
        with self._lock:
            self._socket = opened
            if self._cut:
                raise CutOffError

    def look_at_clock(self) -> None:
        """End a request whose time is over; called by another thread."""
        with self._lock:
            if self._deadline is not None and time.monotonic() > self._deadline:
                self._late = True
                self._shut()

    def cut(self) -> None:
        """End whatever is under way, for good; called by another thread."""
        with self._lock:
            self._cut = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            # Not SSLSocket's own, which takes the session away under the reader;
            # it fails where nothing is connected any more.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up; called by the thread that sends."""
        with self._lock:
            self._socket = None
        self._connection.close()


def _read_body(response: HTTPResponse) -> bytes:
    content = bytearray()
    while piece := response.read(65536):
        content += piece
        if len(content) > LARGEST_ANSWER:
            raise TooLargeError(f"the answer is larger than {LARGEST_ANSWER} bytes")
    if response.length:  # Read piece by piece, http.client says nothing of a body cut short.
        raise IncompleteRead(bytes(content), response.length)
    return bytes(content)
