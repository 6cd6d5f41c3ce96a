"""How requests are cut into chunks, the same way by every sampler."""

from collections.abc import Iterator, Sequence

from sitool.samplers.base import Request


def chunks(requests: Sequence[Request], chunk_rows: int) -> Iterator[list[Request]]:
    """Split requests into runs of at most `chunk_rows` samples, and at least one request."""
    chunk: list[Request] = []
    rows = 0
    for request in requests:
        if chunk and rows + request.count > chunk_rows:
            yield chunk
            chunk, rows = [], 0
        chunk.append(request)
        rows += request.count
    if chunk:
        yield chunk
