"""Passes that share beginnings against one text after the other, by transformers alone."""

from collections.abc import Callable, Sequence

import pytest
import torch
from adapted import with_effect
from rows_at_once import room_for

from sitool.config import ModelSettings, Settings, TrainerSettings
from sitool.errors import VerifierError
from sitool.models.local import LocalModel
from sitool.models.profile import verdict_beliefs
from sitool.models.verdict import CORRECT, INCORRECT
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import NativeSampler
from sitool.seeds import derive_seed, generator
from sitool.tasks.path import PathTask
from sitool.verifiers import passes
from sitool.verifiers.passes import Reader

Load = Callable[..., LocalModel]
Prompt = tuple[int, ...]

ARCHITECTURES = [
    "llama", "qwen2", "qwen3", "gpt_neox", "gpt2", "mistral", "gemma", "gemma2"
]  # fmt: skip
LONG = "ab,bc,cd,de,ef,fg|a>g="
TEXTS = [
    *((0, LONG + end) for end in ("abcdefg", "abc", "a", "abcdefgabcdefg", "abc")),
    *((1, "bc,cd,xy,uv,wz,qq|b>d=" + end) for end in ("bcd", "bd", "")),
    (2, "12+3=15"),
    (3, "z"),
]


@torch.no_grad()
def plain_logprobs(model: LocalModel, tokens: Prompt) -> torch.Tensor:
    """Return the log-probabilities after each token of one text, [tokens, vocabulary]."""
    output = model.network(input_ids=torch.tensor([tokens]))
    return output.logits[0].double().log_softmax(dim=-1)


def encoded(model: LocalModel, texts: Sequence[tuple[int, str]]) -> list[tuple[int, Prompt]]:
    return [(problem, model.encode(text)) for problem, text in texts]


@pytest.fixture(scope="module")
def tiny() -> LocalModel:
    settings = ModelSettings(base="tiny", device="cpu")
    return with_effect(LocalModel.load(settings, TrainerSettings(rank=4, alpha=4.0)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_verdicts_are_those_of_plain_passes(load_local: Load, architecture: str) -> None:
    model = with_effect(load_local(architecture))
    questions = encoded(model, TEXTS)
    found = Reader(model).verdicts(questions, (5, 9))
    for (_, tokens), pair in zip(questions, found, strict=True):
        plain = plain_logprobs(model, tokens)[-1]
        assert pair == pytest.approx((float(plain[5]), float(plain[9])), abs=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_completions_are_those_of_plain_passes(load_local: Load, architecture: str) -> None:
    model = with_effect(load_local(architecture))
    ends = ["abcdefg", "ab", "", "abcdefg"]
    pairs = [(model.encode(LONG), model.encode_completion(end)) for end in ends]
    pairs += [(model.encode("12+3="), model.encode_completion("15")), (model.encode("z"), (4,))]
    for (prompt, completion), found in zip(pairs, Reader(model).completions(pairs), strict=True):
        plain = plain_logprobs(model, prompt + completion)[len(prompt) - 1 : -1]
        expected = sum(float(row[token]) for row, token in zip(plain, completion, strict=True))
        assert found == pytest.approx(expected, abs=1e-4)


def test_completions_have_the_log_probabilities_that_the_sampler_gave(tiny: LocalModel) -> None:
    task = PathTask()
    problems = [task.problem(level, generator("likelihood", level)) for level in range(1, 9)]
    requests = [
        Request(p, tiny.encode(p.prompt), tuple(derive_seed(p.prompt, i) for i in range(5)))
        for p in problems
    ]
    decoding = Decoding(temperature=1.3, top_p=0.9, max_new_tokens=10)
    (chunk,) = NativeSampler(tiny, Settings()).sample(requests, decoding)
    pairs, stored = [], []
    for request, completions in zip(requests, chunk, strict=True):
        for completion in completions:
            pairs.append((request.prompt_ids, completion.token_ids))
            stored.append(completion.logprob)
    assert len({len(tokens) for _, tokens in pairs}) > 3
    assert Reader(tiny).completions(pairs) == pytest.approx(stored, abs=1e-4)


def test_the_built_in_base_is_asked_as_it_was_trained(tiny: LocalModel) -> None:
    """Against the recipe's own measurement, which pads on the right and shares nothing."""
    task = PathTask()
    answers = [
        (problem, text)
        for level in range(1, 7)
        for problem in [task.problem(level, generator("mc", level))]
        for text in (problem.truth, problem.truth[::-1], problem.truth[:-1] or "a", "zz")
    ]
    expected = verdict_beliefs(tiny.network, tiny.tokenizer, answers)
    words = tuple(tiny.tokenizer.convert_tokens_to_ids([CORRECT, INCORRECT]))
    questions = [(p.prompt, tiny.encode(f"{p.prompt}{text}?")) for p, text in answers]
    logprobs = Reader(tiny).verdicts(questions, words)
    found = [float(torch.sigmoid(torch.tensor(c - i))) for c, i in logprobs]
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_beginning_is_read_once(tiny: LocalModel) -> None:
    """The network sees the problem's tokens once, and of each answer only its own."""
    task = PathTask()
    problem = task.problem(4, generator("once"))
    ends = [f"{text}?" for text in ("abc", "abcd", "bcd", "xyz", "abc")]
    questions = [(0, tiny.encode(problem.prompt + end)) for end in ends]
    seen = list[int]()
    hook = tiny.causal_lm.model.register_forward_hook(
        lambda module, inputs, output: seen.append(output[0].shape[0] * output[0].shape[1])
    )
    Reader(tiny).verdicts(questions, (5, 9))
    hook.remove()
    assert sum(seen) <= len(problem.prompt) + 4 * 6


def test_when_memory_runs_out_fewer_are_read_at_once_and_the_scores_stay(
    tiny: LocalModel,
) -> None:
    questions = encoded(tiny, TEXTS)
    expected = Reader(tiny).verdicts(questions, (5, 9))
    with room_for(tiny, 2) as asked:
        found = Reader(tiny).verdicts(questions, (5, 9))
    assert max(asked) > 2
    assert [x for pair in found for x in pair] == pytest.approx(
        [x for pair in expected for x in pair], abs=1e-5
    )
    assert "Memory ran out in verifying" in tiny.notes[0]
    tiny.notes.clear()
    with room_for(tiny, 0), pytest.raises(VerifierError, match="judging one answer alone"):
        Reader(tiny).verdicts(questions[-1:], (5, 9))
    tiny.notes.clear()


def test_batches_stay_within_their_bounds(
    tiny: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "MOST_TOKENS", 100)
    questions = encoded(tiny, TEXTS)
    seen = list[int]()
    hook = tiny.causal_lm.model.register_forward_hook(
        lambda module, inputs, output: seen.append(output[0].shape[0] * output[0].shape[1])
    )
    found = Reader(tiny).verdicts(questions, (5, 9))
    hook.remove()
    assert max(seen) <= 100
    monkeypatch.undo()
    whole = Reader(tiny).verdicts(questions, (5, 9))
    assert [p[0] for p in found] == pytest.approx([p[0] for p in whole], abs=1e-5)


def test_nothing_to_read_is_nothing(tiny: LocalModel) -> None:
    assert Reader(tiny).verdicts([], (5, 9)) == []
    assert Reader(tiny).completions([]) == []
    assert Reader(tiny).completions([((5, 6), ())]) == [0.0]
