"""Settings of verifiers, judges and the selection."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sitool.config.declaring import Group, setting
from sitool.questions import check_template


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
