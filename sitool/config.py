"""Every setting of a study, declared once: its help, its bounds and its unit.

The same declaration checks TOML files and `--set a.b=value`, is printed by
`sitool settings`, and is what a form is drawn from. How files are found and
mistakes are worded is in `presets.py`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sitool.questions import check_template


def setting(default: Any, help_text: str, *, unit: str = "", **bounds: Any) -> Any:
    """Declare one setting with its help, its unit and its bounds."""
    if isinstance(default, (dict, list)):
        factory = default.copy
        return Field(
            default_factory=factory,
            description=help_text,
            json_schema_extra={"unit": unit},
            **bounds,
        )
    return Field(default, description=help_text, json_schema_extra={"unit": unit}, **bounds)


ADAPTERS_ONLY = ("llamacpp", "server")
"""Samplers that cannot be given a round's whole weights."""


PAIR_OBJECTIVES = ("dpo", "xpo")
"""Trainers that learn from pairs of samples."""


class Group(BaseModel):
    """A table of settings; unknown names are mistakes, and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
        False, "Let a hub model run its own Python code on this machine."
    )
    allow_download: bool = setting(
        False, "Let a hub name be fetched over the network if it is not in the local cache."
    )


class PathTaskSettings(Group):
    """Find a path in a directed graph; the level is the shortest path's length."""

    name: Literal["path"] = "path"
    nodes: int = setting(10, "Nodes of the graph.", unit="nodes", ge=4, le=26)
    extra_edges: int = setting(
        2, "Edges beyond those that the hardest level needs.", unit="edges", ge=0, le=100
    )
    max_level: int = setting(8, "The hardest level; less than the nodes.", ge=1, le=25)
    shortest: bool = setting(False, "Only a shortest path passes; off: any valid path.")


class AdditionTaskSettings(Group):
    """Add two numbers; the level is the number of digits."""

    name: Literal["addition"] = "addition"
    max_level: int = setting(12, "The hardest level, in digits.", unit="digits", ge=1, le=40)
    least_significant_first: bool = setting(True, "Write digits with the ones first.")
    columns: bool = setting(True, "Lay the numbers out in columns; off: write them in a row.")


class ChainTaskSettings(Group):
    """Follow a chain of additions modulo a small number; the level is its steps."""

    name: Literal["chain"] = "chain"
    modulus: int = setting(5, "Values are taken modulo this.", ge=2, le=10)
    max_level: int = setting(12, "The hardest level, in steps.", unit="steps", ge=1, le=60)


class CountdownTaskSettings(Group):
    """Reach a target with given numbers, each used at most once."""

    name: Literal["countdown"] = "countdown"
    max_level: int = setting(8, "The hardest level; a level more is a number more.", ge=1, le=20)
    largest_number: int = setting(25, "Numbers are drawn from 1 to this.", ge=2, le=1000)
    largest_target: int = setting(999, "Targets are at most this.", ge=2, le=1_000_000)


class JsonlTaskSettings(Group):
    """Problems of your own: one JSON object a line with prompt, answer and maybe level."""

    name: Literal["jsonl"] = "jsonl"
    path: str = setting("", "The file of problems.", min_length=1, validate_default=True)
    evaluation_path: str | None = setting(
        None, "A file of evaluation problems; none: a fifth of `path`, by hash."
    )
    match: Literal["exact", "number"] = setting("exact", "Compare answers as text or as numbers.")


TaskSettings = Annotated[
    PathTaskSettings
    | AdditionTaskSettings
    | ChainTaskSettings
    | CountdownTaskSettings
    | JsonlTaskSettings,
    Field(discriminator="name"),
]


class DrawSettings(Group):
    """How much one round draws."""

    problems: int = setting(256, "Problems a round.", unit="problems", ge=1, le=1_000_000)
    samples: int = setting(8, "Samples of each problem.", unit="samples", ge=1, le=1024)


class CurriculumSettings(Group):
    """Which levels the problems of a round come from."""

    rule: Literal["fixed", "staged", "cosine", "gaussian", "adaptive", "manual"] = setting(
        "adaptive", "How the weights over levels move from round to round."
    )
    lowest: int = setting(1, "Easiest level to draw.", ge=1, le=64)
    highest: int = setting(0, "Hardest level to draw; 0 is the task's hardest.", ge=0, le=64)
    weights: dict[int, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = setting(
        {}, "Weight by level for the fixed and manual rules; empty is uniform."
    )
    shift: int = setting(
        0, "Move the whole mixture this many levels harder (or easier, below 0).", ge=-64, le=64
    )
    rounds: int = setting(
        10, "Rounds over which staged, cosine and gaussian run.", unit="rounds", ge=1, le=10_000
    )
    low: float = setting(0.2, "Adaptive: below this success, fall back a level.", ge=0, le=1)
    high: float = setting(0.6, "Adaptive: above this success, move up a level.", ge=0, le=1)
    ahead: float = setting(
        0.25, "Adaptive: share drawn from the level after the active one.", ge=0, le=1
    )
    review: float = setting(
        0.15, "Adaptive: share drawn from the levels already passed.", ge=0, le=1
    )
    sigma: float = setting(0.5, "Gaussian: width, in levels.", gt=0, le=64)
    mu_exp: float = setting(
        0.5, "Gaussian: the centre moves as progress to this power.", gt=0, le=8
    )
    p_min: float = setting(0.0, "Gaussian: least weight of any level.", ge=0, le=0.5)

    @model_validator(mode="after")
    def _check_band(self) -> "CurriculumSettings":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.ahead + self.review > 1:
            raise ValueError(
                f"ahead ({self.ahead}) and review ({self.review}) together must be at most 1"
            )
        if self.highest and self.highest < self.lowest:
            raise ValueError(f"highest ({self.highest}) is below lowest ({self.lowest})")
        if self.weights and not sum(self.weights.values()):
            raise ValueError("weights must not all be 0")
        return self


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


class VerifierSettings(Group):
    """Who scores the samples."""

    names: tuple[str, ...] = setting(
        ("truth",),
        "The verifiers, in order. mc, cot_binary, cot_score, tournament, likelihood and"
        " likelihood_per_token ask the model itself; NAME@base and NAME@3 ask another round's.",
        min_length=1,
    )
    measure: tuple[str, ...] = setting(
        ("truth",),
        "Verifiers that score the training samples beside these, for people to look at; nothing"
        " is selected by them.",
    )
    time_limit_seconds: float = setting(
        60.0, "A verifier is stopped after this long on one chunk.", unit="s", gt=0, le=86400
    )


class JudgeSettings(Group):
    """How a model is asked about answers, by the verifiers that ask one."""

    form: Literal["auto", "tiny", "words"] = setting(
        "auto",
        "How to ask where a prompt below is empty. tiny: prompt, answer and '?', as the built-in"
        " bases have learnt it; words: in English. auto: tiny for a built-in base, else words.",
    )
    mc_prompt: str = setting(
        "",
        "Asks for the word `correct` or `incorrect`. Placeholders: {prompt} and {completion}, and"
        " perhaps {correct} and {incorrect}. Empty: as `form` says.",
    )
    cot_binary_prompt: str = setting(
        "", "Asks for reasons and then one of the two words. Placeholders as in mc_prompt."
    )
    cot_score_prompt: str = setting(
        "",
        "Asks for reasons and then 'Score: N', 1 to 10. Placeholders: {prompt} and {completion}.",
    )
    tournament_prompt: str = setting(
        "",
        "Asks for reasons and then A or B. Placeholders: {prompt}, {first} and {second}. Empty"
        " in the form tiny: each answer is asked about alone, and the higher mc wins.",
    )
    correct: str = setting(
        "Correct", "The word for a right answer; mc looks at its first token.", min_length=1
    )
    incorrect: str = setting(
        "Incorrect", "The word for a wrong answer; mc looks at its first token.", min_length=1
    )
    verifications: int = setting(
        1,
        "How often cot_binary, cot_score and tournament ask about the same; what can be read is"
        " averaged.",
        ge=1,
        le=64,
    )
    temperature: float = setting(
        0.7, "Temperature of what a judge writes; 0 is greedy.", ge=0, le=10
    )
    max_new_tokens: int = setting(
        256, "Limit of what a judge writes.", unit="tokens", ge=1, le=8192
    )

    @field_validator("mc_prompt", "cot_binary_prompt", "cot_score_prompt", "tournament_prompt")
    @classmethod
    def _check_prompt(cls, text: str, info: ValidationInfo) -> str:
        if text:
            check_template(str(info.field_name).removesuffix("_prompt"), text)
        return text

    @model_validator(mode="after")
    def _check_words(self) -> "JudgeSettings":
        if self.correct.strip().lower() == self.incorrect.strip().lower():
            raise ValueError(
                f"correct ({self.correct!r}) and incorrect ({self.incorrect!r}) must be two words"
            )
        return self


class CrossSettings(Group):
    """The model that the verifier `cross` asks: another base, adapter or round."""

    verifier: Literal[
        "mc", "cot_binary", "cot_score", "tournament", "likelihood", "likelihood_per_token"
    ] = setting("mc", "How it is asked.")
    base: str = setting(
        "", "Built-in base, local folder, or hub name; empty: the study's own base."
    )
    adapter: str = setting("", "A folder with an adapter for that base; empty: none.")
    round: int = setting(
        -1, "A round of this study whose model judges; -1: none. Wants no base and adapter.", ge=-1
    )

    @model_validator(mode="after")
    def _check_one_model(self) -> "CrossSettings":
        if self.round >= 0 and (self.base or self.adapter):
            raise ValueError(
                f"round ({self.round}) names a model of this study; it takes no base and no adapter"
            )
        return self


class SelectionSettings(Group):
    """Which samples count, and how much."""

    rule: Literal["threshold", "quantile", "best_of_n", "exponential", "tournament"] = setting(
        "threshold", "How scores become weights."
    )
    verifiers: tuple[str, ...] = setting(
        (), "Whose scores decide; several must all agree (AND). Empty: the first verifier."
    )
    threshold: float = setting(1.0, "threshold: keep scores of at least this.", ge=0, le=1)
    thresholds: tuple[Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)], ...] = setting(
        (), "threshold: one for each of `verifiers`, in their order; empty: the same for all."
    )
    quantile: float = setting(
        0.25, "quantile: keep this best share of each problem's samples; ties stay.", gt=0, le=1
    )
    beta: float = setting(0.5, "exponential: weight = exp(score / beta).", gt=0, le=100)
    survive: int = setting(
        1,
        "tournament: keep what won this many rounds of its problem's bracket, or all there are.",
        unit="rounds",
        ge=1,
        le=32,
    )
    empty: Literal["none", "best", "all"] = setting(
        "none",
        "What a problem gives of which no sample survives the rule: none, its best sample, or"
        " all of its scored samples.",
    )
    cap_per_problem: int = setting(
        2, "Keep at most this many samples of a problem; 0 is no limit.", ge=0
    )
    dedup: bool = setting(True, "Keep one of equal completions of a problem.")

    @model_validator(mode="after")
    def _check_thresholds(self) -> "SelectionSettings":
        if self.thresholds and len(self.thresholds) != max(1, len(self.verifiers)):
            raise ValueError(
                f"thresholds has {len(self.thresholds)} numbers for {max(1, len(self.verifiers))}"
                " verifiers; give one for each of selection.verifiers, or none"
            )
        return self


class TrainerSettings(Group):
    """How the model learns from the selected samples."""

    name: str = setting(
        "mle",
        "The objective. mle: make the selected samples likelier. dpo, xpo: sharpen the base by"
        " its own likelihood, without truth, on pairs of all samples but those that a person"
        " rejected (the rules of selection are for mle). dpo: both samples of a pair are the"
        " base's, in every round; each round goes on with new ones from its parent's weights."
        " xpo: one is the parent's, one the base's, so twice as many are drawn.",
    )
    method: Literal["lora", "full"] = setting(
        "lora",
        "Learn a small LoRA adapter, or all weights of the base (full: a copy of them a round"
        " on disk; wants a learning rate some 10 to 100 times lower).",
    )
    start_from: Literal["parent", "base"] = setting(
        "parent", "Go on from the parent round's weights, or begin at the base every round."
    )
    optimizer_state: Literal["keep", "fresh"] = setting(
        "keep", "Carry the optimizer's moments over from the parent round, or not."
    )
    rank: int = setting(16, "lora: rank of the adapter.", ge=1, le=1024)
    alpha: float = setting(32.0, "lora: scale; the update counts alpha / rank.", gt=0, le=4096)
    learning_rate: float = setting(2e-3, "Peak learning rate of AdamW.", gt=0, le=1)
    schedule: Literal["constant", "linear"] = setting(
        "constant", "Keep the learning rate, or lower it to 0 over the round."
    )
    warmup: float = setting(
        0.0, "Share of the steps over which the learning rate rises to its peak.", ge=0, le=1
    )
    epochs: int = setting(2, "Passes over the selected samples.", ge=1, le=1000)
    max_steps: int = setting(
        0, "Most optimizer steps a round; 0 is no limit.", unit="steps", ge=0, le=1_000_000
    )
    early_stop: float = setting(
        0.0,
        "Stop after an epoch whose mean loss is not lower by this share than that of the one"
        " before; 0 is off.",
        ge=0,
        lt=1,
    )
    batch_size: int = setting(
        64, "Samples (dpo, xpo: pairs) an optimizer step.", unit="samples", ge=1, le=65536
    )
    micro_tokens: int = setting(
        0,
        "Most tokens, filler included, that go through the network at once, whatever the batch"
        " size; 0 is 2048 on the CPU, and what fits in memory on CUDA.",
        unit="tokens",
        ge=0,
        le=1_000_000,
    )
    checkpointing: Literal["auto", "on", "off"] = setting(
        "auto",
        "Compute a layer's activations again instead of keeping them: slower, far less memory;"
        " auto does so only where one sample would not fit otherwise.",
    )
    beta: float = setting(
        0.5,
        "dpo, xpo: how much straying from the base costs; the goal is the base's law to the power"
        " 1 + 1/beta.",
        gt=0,
        le=1000,
    )
    self_reward: Literal["likelihood", "likelihood_per_token"] = setting(
        "likelihood",
        "dpo, xpo: the reward, log pi_base of a whole completion, or that a token (less in favour"
        " of short ones).",
    )
    pairs_per_problem: int = setting(
        8, "dpo, xpo: most pairs of one problem; 0 is all there are.", unit="pairs", ge=0, le=10_000
    )
    margin: float = setting(
        0.0,
        "dpo: leave out pairs unless one is at least 1 + margin times as likely as the other"
        " under the base (a token, with likelihood_per_token).",
        ge=0,
        le=1e6,
    )
    alpha_xpo: float = setting(
        0.01,
        "xpo: how much is gained by making the base's samples less likely; 0 explores no more"
        " than sampling does.",
        ge=0,
        le=1000,
    )
    weight_decay: float = setting(0.0, "AdamW's weight decay.", ge=0, le=10)
    clip_norm: float = setting(1.0, "Clip the gradient's norm to this; 0 is off.", ge=0)


class EvaluationSettings(Group):
    """What is measured after every round, on problems that training never draws."""

    problems_per_level: int = setting(
        64, "Held-out problems of each level.", unit="problems", ge=1, le=100_000
    )
    samples: int = setting(
        4, "Samples of each held-out problem for pass@k; 0 is greedy only.", ge=0, le=1024
    )
    highest: int = setting(0, "Hardest level to evaluate; 0 is the task's hardest.", ge=0, le=64)
    verifiers: tuple[str, ...] = setting(
        (), "Verifiers that score the held-out samples too, beside the truth."
    )


class EngineSettings(Group):
    """The process that works on the study."""

    idle_seconds: float = setting(
        300.0, "The engine's process ends after so long without work.", unit="s", gt=0, le=1e6
    )


class Settings(Group):
    """Everything that a round runs with."""

    seed: int = setting(0, "Seed of the whole study.", ge=0, lt=2**63)
    model: ModelSettings = Field(default_factory=ModelSettings)
    task: TaskSettings = Field(default_factory=PathTaskSettings)
    draw: DrawSettings = Field(default_factory=DrawSettings)
    curriculum: CurriculumSettings = Field(default_factory=CurriculumSettings)
    sampler: SamplerSettings = Field(default_factory=SamplerSettings)
    server: ServerSettings = Field(default_factory=ServerSettings)
    llamacpp: LlamacppSettings = Field(default_factory=LlamacppSettings)
    verifier: VerifierSettings = Field(default_factory=VerifierSettings)
    judge: JudgeSettings = Field(default_factory=JudgeSettings)
    cross: CrossSettings = Field(default_factory=CrossSettings)
    selection: SelectionSettings = Field(default_factory=SelectionSettings)
    trainer: TrainerSettings = Field(default_factory=TrainerSettings)
    evaluation: EvaluationSettings = Field(default_factory=EvaluationSettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)

    @model_validator(mode="after")
    def _check_parts_fit(self) -> "Settings":
        if self.trainer.method == "full" and self.sampler.name in ADAPTERS_ONLY:
            raise ValueError(
                f"trainer.method is 'full', and the sampler {self.sampler.name!r} takes over"
                " adapters only; set trainer.method=lora or sampler.name=native"
            )
        return self
