"""Which model a server is asked for: the base, or the adapter of a round, put there first.

A round samples from its parent's adapter, so a server that cannot take it up
would answer for another model; that is refused.
"""

import hashlib
import logging
import re
from pathlib import Path

from sitool.config import ServerSettings
from sitool.errors import SamplerError
from sitool.samplers.endpoint import Call, Endpoint
from sitool.samplers.replies import ShapeError, read_object

logger = logging.getLogger(__name__)

MODELS = "/v1/models"
LOAD, UNLOAD = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"
LORAS = "/lora-adapters"
NO_SUCH_PATH = frozenset({404, 405, 501})


class Hosting:
    """Sees to it that the server has the model that is asked for."""

    def __init__(self, endpoint: Endpoint, settings: ServerSettings) -> None:
        self._endpoint = endpoint
        self._base = settings.model
        self._way = settings.adapters

    def model_name(self, adapter: Path | None) -> str:
        """Return the name to ask for, once the server has that model.

        Raises:
            SamplerError: The server cannot have it.
        """
        if adapter is None:
            if self._way == "llama-server":
                self._check_none_is_on()
            return self._base or self._first_listed()
        if self._way != "vllm":
            raise _only_base(adapter, self._way, self._endpoint.url)
        name = adapter_name(adapter)
        self._put_on(adapter, name)
        return name

    def _first_listed(self) -> str:
        """Return the base's name; empty where the server lists none."""
        models = self._listed()
        bases = [str(model["id"]) for model in models if not model.get("parent")]
        return bases[0] if bases else ""

    def _listed(self) -> list[dict[str, object]]:
        reply = self._endpoint.ask(Call(MODELS), also=NO_SUCH_PATH)
        if reply.status in NO_SUCH_PATH:
            return []
        try:
            data = read_object(reply.body).get("data")
        except ShapeError as error:
            raise self._endpoint.fail(MODELS, str(error)) from error
        models = data if isinstance(data, list) else []
        return [model for model in models if isinstance(model, dict) and "id" in model]

    def _put_on(self, adapter: Path, name: str) -> None:
        """Load an adapter, after those that this study has left there are taken away."""
        there = [str(model["id"]) for model in self._listed()]
        for old in there:
            if old != name and old.startswith(name_prefix(adapter)):
                self._endpoint.ask(Call(UNLOAD, {"lora_name": old}), also={400, 404})
        if name in there:
            return
        call = Call(LOAD, {"lora_name": name, "lora_path": str(adapter.resolve())})
        reply = self._endpoint.ask(call, also={400, 404, 405, 500})
        if 200 <= reply.status < 300:
            logger.info("%s has loaded %s", self._endpoint.url, name)
            return
        refusal = self._endpoint.refusal(LOAD, reply)
        raise SamplerError(
            refusal.message,
            "try: start vLLM with --enable-lora --max-lora-rank of trainer.rank at least and"
            f" VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, where it can read {str(adapter)!r}",
        )

    def _check_none_is_on(self) -> None:
        """Make sure that llama-server answers for its base: adapters it has loaded may be on."""
        body = self._endpoint.ask(Call(LORAS)).body
        try:
            loaded = read_object(b'{"adapters": ' + body + b"}")["adapters"]
        except ShapeError as error:
            raise self._endpoint.fail(LORAS, str(error)) from error
        items = loaded if isinstance(loaded, list) else []
        on = [item for item in items if isinstance(item, dict) and item.get("scale")]
        if on:
            raise self._endpoint.fail(
                LORAS,
                f"has the adapter {str(on[0].get('path'))!r} on with scale {on[0]['scale']}, and"
                " round 1 samples from the base",
                "try: start llama-server without --lora, or with --lora-init-without-apply",
            )


def adapter_name(adapter: Path) -> str:
    """Name an adapter after its study, its round and its content.

    The content belongs to it since a round that is taken back and run again
    writes another adapter to the same place.
    """
    digest = hashlib.blake2b(digest_size=6)
    for file in sorted(path for path in adapter.iterdir() if path.is_file()):
        digest.update(file.read_bytes())
    return f"{name_prefix(adapter)}{adapter.name}-{digest.hexdigest()}"


def name_prefix(adapter: Path) -> str:
    """Return what the names of all adapters of a study begin with."""
    folder = adapter.parent.resolve()
    place = hashlib.blake2b(str(folder).encode(), digest_size=4).hexdigest()
    study = re.sub(r"[^A-Za-z0-9_.]+", "_", folder.parent.name)
    return f"sitool-{study}-{place}-"


def _only_base(adapter: Path, way: str, url: str) -> SamplerError:
    cannot = {
        "none": "nothing puts it there",
        "llama-server": "llama-server loads no adapter while it runs",
    }[way]
    return SamplerError(
        f"The server {url} has only the base, this round samples from the adapter"
        f" {adapter.name!r}, and with server.adapters = {way!r} {cannot}.",
        "try: sitool set DIR server.adapters=vllm for a vLLM server; or sitool undo DIR, then"
        " sitool set DIR sampler.name=native",
    )
