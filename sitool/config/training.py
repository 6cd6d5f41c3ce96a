"""Settings of training, evaluation and the engine."""

from typing import Literal

from sitool.config.declaring import Group, setting

PAIR_OBJECTIVES = ("dpo", "xpo")
"""Trainers that learn from pairs of samples."""


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
    processes: int = setting(
        0,
        "Processes that share out drawing and training on the CPU, each with the base in it; 0 is"
        " one a core, at most 4, for a base under 20 M parameters if model.threads is 0, else one.",
        ge=0,
        le=64,
    )
