"""Settings of the tasks, and of which problems a round draws."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sitool.config.declaring import Group, setting


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


class PythonTaskSettings(Group):
    """Problems of your own: a Python file with problem(level, rng) and levels."""

    name: Literal["python"] = "python"
    path: str = setting(
        "",
        "The Python file. A study keeps it as `task.py` in its own folder.",
        min_length=1,
        validate_default=True,
    )
    sha256: str = setting(
        "",
        "Its hash; empty: as the file is when the study is made, which then records it.",
        pattern="^([0-9a-f]{64})?$",
    )
    max_level: int = setting(
        0, "The hardest level; 0: as the file says, which the study records.", ge=0, le=64
    )
    time_limit_seconds: float = setting(
        10.0, "A problem that takes longer than this to draw is an error.", unit="s", gt=0, le=86400
    )


TaskSettings = Annotated[
    PathTaskSettings
    | AdditionTaskSettings
    | ChainTaskSettings
    | CountdownTaskSettings
    | JsonlTaskSettings
    | PythonTaskSettings,
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
