"""Settings of the base and of the samplers."""

from typing import Annotated, Literal

from pydantic import Field

from sitool.config.declaring import Group, setting


class ModelSettings(Group):
    """The base that learns."""

    base: str = setting(
        "tiny",
        "Built-in base (tiny, tiny-weak, scripted), a local folder, or a hub name.",
        min_length=1,
    )
    template: Literal["plain", "chat"] = setting(
        "plain", "How a prompt is wrapped: as it is, or in the base's chat template."
    )
    device: Literal["auto", "cpu", "cuda"] = setting("auto", "Where the model runs.")
    dtype: Literal["auto", "float32", "bfloat16"] = setting(
        "auto", "Precision of the base's weights; auto is float32 on the CPU, bfloat16 on CUDA."
    )
    threads: int = setting(
        0,
        "CPU threads of the engine; 0 is one for a base under 20 M parameters, else all cores.",
        ge=0,
        le=256,
    )
    trust_remote_code: bool = setting(
        False,
        "Let a base run Python code of its own, from its folder or the hub; what somebody else"
        " set this in runs only after `sitool trust`.",
    )
    allow_download: bool = setting(
        False, "Let a hub name be fetched over the network if it is not in the local cache."
    )


class SamplerSettings(Group):
    """How completions are drawn."""

    name: str = setting("native", "Which sampler.")
    temperature: float = setting(1.0, "Temperature of the samples; 0 is greedy.", ge=0, le=10)
    top_p: float = setting(1.0, "Draw from the most likely tokens of this mass.", gt=0, le=1)
    top_k: int = setting(0, "Draw from this many most likely tokens; 0 is all.", ge=0)
    min_p: float = setting(
        0.0,
        "Draw only tokens at least this share as likely as the likeliest; 0 is all.",
        ge=0,
        le=1,
    )
    max_new_tokens: int = setting(
        48, "Limit of a completion, the end token included.", unit="tokens", ge=1, le=8192
    )
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = setting(
        (), "Strings that end a completion, besides the end token."
    )
    chunk_rows: int = setting(
        512, "Completions drawn together and committed together.", unit="samples", ge=1, le=65536
    )


class ServerSettings(Group):
    """The endpoint of the `server` sampler; nothing is sent anywhere unless it names one."""

    url: str = setting(
        "",
        "An OpenAI-compatible server, such as http://localhost:8000. Prompts are sent to it and"
        " nowhere else; empty: the server sampler has none to ask.",
        pattern=r"^(https?://[^\s@?#]+)?$",
    )
    model: str = setting("", "The base's name on the server; empty: the first that it lists.")
    key_variable: str = setting(
        "",
        "The environment variable that holds the server's API key; never the key itself.",
        pattern=r"^([A-Z_][A-Z0-9_]*)?$",
    )
    concurrency: int = setting(16, "Requests under way at once.", unit="requests", ge=1, le=1024)
    retries: int = setting(
        4,
        "How often a request is sent again after a dropped connection, a time-out, 429 or 5xx.",
        ge=0,
        le=20,
    )
    time_limit_seconds: float = setting(
        120.0, "A request is given up after this long.", unit="s", gt=0, le=86400
    )
    adapters: Literal["none", "vllm", "llama-server"] = setting(
        "none",
        "How a round's adapter gets to the server. vllm: it is loaded there. none, llama-server:"
        " not at all, so only round 1 can be sampled, and evaluations are drawn here (llama-server:"
        " after a look that no adapter is on).",
    )


class LlamacppSettings(Group):
    """How the `llamacpp` sampler runs the base."""

    dtype: Literal["f32", "f16", "q8_0"] = setting(
        "f32", "Precision of the base's weights in the GGUF file that sitool writes and keeps."
    )
    file: str = setting(
        "", "A GGUF file of your own, of the same base as model.base; empty: one is written."
    )
    sequences: int = setting(
        32,
        "Samples computed beside each other; fewer where memory for their tokens is short.",
        unit="samples",
        ge=1,
        le=256,
    )
    threads: int = setting(0, "CPU threads; 0 is as many as the engine has.", ge=0, le=256)
    exact: bool = setting(
        True,
        "Whole precision for keys and values; with f32, log-probabilities are torch's to 1e-4."
        " Off: flash attention at half precision; the log-probabilities that samples carry are"
        " then off by up to .1 a token, which no trainer looks at.",
    )
