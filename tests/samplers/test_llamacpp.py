"""The llama.cpp sampler against the native one, torch's own forward, and exact laws."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")

from adapted import with_effect
from studies import REAL, contents, create, differing
from test_native import (
    DRAWS,
    PROMPTS,
    assert_exact_law,
    requests_for,
    scores,
)
from test_native import draw_all as draw_native

import sitool
from sitool.config import LlamacppSettings, SamplerSettings, Settings
from sitool.errors import MissingDependencyError, SamplerError
from sitool.models.local import LocalModel
from sitool.records import Completion, Problem
from sitool.samplers.base import Decoding, Request
from sitool.samplers.llamacpp import LlamacppSampler

Load = Callable[..., LocalModel]

BASES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "mistral": ("mistral", {"sliding_window": None}),
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", {}),
}


def sampler_for(model: LocalModel, chunk_rows: int = 512, **settings: Any) -> LlamacppSampler:
    return LlamacppSampler(
        model,
        Settings(
            sampler=SamplerSettings(chunk_rows=chunk_rows), llamacpp=LlamacppSettings(**settings)
        ),
    )


def draw(sampler: LlamacppSampler, requests: list[Request], decoding: Decoding) -> list[Completion]:
    return [item for chunk in sampler.sample(requests, decoding) for row in chunk for item in row]


def tokens(drawn: list[Completion]) -> list[tuple[int, ...]]:
    return [item.token_ids for item in drawn]


@pytest.mark.parametrize("name", BASES)
def test_the_same_seeds_give_the_same_samples_as_native(load_local: Load, name: str) -> None:
    architecture, extra = BASES[name]
    model = with_effect(load_local(architecture, extra=extra))
    requests = requests_for(model, 5)
    for decoding in (Decoding(max_new_tokens=24), Decoding(1.3, 0.9, 20, max_new_tokens=24)):
        ours = draw(sampler_for(model), requests, decoding)
        theirs = draw_native(model, requests, decoding)
        assert tokens(ours) == tokens(theirs)
        assert [item.text for item in ours] == [item.text for item in theirs]
        assert [item.finish for item in ours] == [item.finish for item in theirs]


@pytest.mark.parametrize("name", BASES)
def test_log_probabilities_are_those_of_a_teacher_forced_forward(
    load_local: Load, name: str
) -> None:
    architecture, extra = BASES[name]
    model = with_effect(load_local(architecture, extra=extra))
    decoding = Decoding(temperature=1.3, top_p=0.9, top_k=20, max_new_tokens=24)
    drawn = draw(sampler_for(model), requests_for(model, 3), decoding)
    prompts = [prompt for prompt in PROMPTS for _ in range(3)]
    for prompt, item in zip(prompts, drawn, strict=True):
        assert item.token_logprobs == pytest.approx(scores(model, prompt, item), abs=1e-4)


@pytest.mark.parametrize("sequences", [1, 2, 3, 7, 64])
def test_places_that_come_free_are_filled_and_change_no_sample(
    load_local: Load, sequences: int
) -> None:
    model = with_effect(load_local())
    requests = requests_for(model, 5)
    decoding = Decoding(max_new_tokens=16)
    drawn = draw(sampler_for(model, sequences=sequences), requests, decoding)
    assert tokens(drawn) == tokens(draw_native(model, requests, decoding))


def test_a_prompt_is_evaluated_once_for_all_of_its_samples(
    load_local: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_local()
    sampler = sampler_for(model, sequences=3)
    requests = requests_for(model, 8)
    passed = []
    from sitool.models.gguf.runtime import Context

    former = Context.run
    monkeypatch.setattr(Context, "run", lambda self, t: passed.extend(t) or former(self, t))
    drawn = draw(sampler, requests, Decoding(max_new_tokens=8))
    prompts = sum(len(request.prompt_ids) for request in requests)
    # The last token of a sample is not fed back.
    assert len(passed) == prompts + sum(len(item.token_ids) - 1 for item in drawn)


def test_unequal_numbers_of_samples_share_a_chunk(load_local: Load) -> None:
    model = load_local()
    requests = [
        Request(request.problem, request.prompt_ids, request.seeds[:count])
        for request, count in zip(requests_for(model, 6), (6, 1, 3, 0, 5, 2), strict=True)
    ]
    decoding = Decoding(max_new_tokens=16)
    drawn = draw(sampler_for(model, sequences=4), requests, decoding)
    assert tokens(drawn) == tokens(draw_native(model, requests, decoding))


def test_prompts_longer_than_a_pass_are_cut_into_several(load_local: Load) -> None:
    model = load_local(context=2048)
    requests = requests_for(model, 2, ["ab" * 350, "c" * 600, "d"])
    decoding = Decoding(max_new_tokens=8)
    assert tokens(draw(sampler_for(model), requests, decoding)) == tokens(
        draw_native(model, requests, decoding)
    )


def test_adapters_change_in_place_and_leave_nothing_behind(
    load_local: Load, tmp_path: Path
) -> None:
    model = load_local()
    for seed in (1, 2):
        with_effect(model, seed, size=0.2)
        model.save_adapter(tmp_path / str(seed))
    sampler, requests = sampler_for(model), requests_for(model, 3)
    drawn = {}
    for turn, name in enumerate(["1", "2", "none", "1", "none", "2"]):
        model.use_adapter(None if name == "none" else tmp_path / name)
        drawn[turn, name] = draw(sampler, requests, Decoding())
        # Whatever was computed before, a fresh sampler says the same, bit by bit.
        assert drawn[turn, name] == draw(sampler_for(model), requests, Decoding())
    assert drawn[0, "1"] == drawn[3, "1"]
    assert drawn[1, "2"] == drawn[5, "2"]
    assert drawn[2, "none"] == drawn[4, "none"]
    assert len({str(tokens(drawn[turn])) for turn in list(drawn)[:3]}) == 3


def test_weights_that_have_learnt_are_noticed_between_chunks(load_local: Load) -> None:
    model = load_local()
    requests = requests_for(model, 4)
    chunks = sampler_for(model, chunk_rows=8).sample(requests, Decoding())
    next(chunks)
    with_effect(model, 5, size=0.2)
    rest = [item for chunk in chunks for row in chunk for item in row]
    assert tokens(rest) == tokens(draw_native(model, requests[2:], Decoding()))


def test_starting_again_at_a_chunk_gives_the_same_chunks_from_there(load_local: Load) -> None:
    model = with_effect(load_local())
    requests = requests_for(model, 4)
    sampler = sampler_for(model, chunk_rows=8)
    chunks = list(sampler.sample(requests, Decoding()))
    assert [len(chunk) for chunk in chunks] == [2, 2, 2]
    assert list(sampler.sample(requests[2:], Decoding())) == chunks[1:]
    assert list(sampler_for(model, chunk_rows=8).sample(requests[2:], Decoding())) == chunks[1:]


def test_work_that_was_left_leaves_nothing_behind(load_local: Load) -> None:
    model = with_effect(load_local())
    requests = requests_for(model, 4)
    sampler = sampler_for(model)
    whole = draw(sampler, requests, Decoding())
    breaths = [0]

    class Left(BaseException):
        pass

    def breathe() -> None:
        breaths[0] += 1
        if breaths[0] > 4:
            raise Left

    again = sampler_for(model)
    model.breathe_with(breathe)
    with pytest.raises(Left):
        draw(again, requests, Decoding())
    assert breaths == [5]
    model.breathe_with(lambda: None)
    assert draw(sampler, requests, Decoding()) == whole


def test_half_precision_keys_and_values_stay_near(load_local: Load) -> None:
    model = load_local()
    requests = requests_for(model, 3)
    decoding = Decoding(max_new_tokens=12)
    drawn = draw(sampler_for(model, exact=False), requests, decoding)
    prompts = [prompt for prompt in PROMPTS for _ in range(3)]
    apart = [
        abs(ours - theirs)
        for prompt, item in zip(prompts, drawn, strict=True)
        for ours, theirs in zip(item.token_logprobs, scores(model, prompt, item), strict=True)
    ]
    assert 1e-4 < max(apart) < 0.1


@pytest.mark.parametrize(
    "decoding",
    [Decoding(1.0, max_new_tokens=2), Decoding(1.5, top_k=3, max_new_tokens=2)],
    ids=["plain", "top_k"],
)
def test_the_sampled_law_is_the_exact_one(load_local: Load, decoding: Decoding) -> None:
    model = with_effect(load_local(characters="abc"))
    sampler = sampler_for(model, DRAWS, sequences=256)
    assert_exact_law(model, decoding, lambda requests: draw(sampler, requests, decoding))


def test_a_completion_ends_where_the_context_does(load_local: Load) -> None:
    model = load_local(context=24)
    drawn = draw(
        sampler_for(model), requests_for(model, 2, ["ab" * 10, "a"]), Decoding(max_new_tokens=64)
    )
    assert all(len(item.token_ids) <= 4 for item in drawn[:2])
    assert all(len(item.token_ids) <= 23 for item in drawn[2:])


def test_a_prompt_that_fills_the_context_is_refused(load_local: Load) -> None:
    model = load_local(context=24)
    with pytest.raises(SamplerError, match="24 tokens leaves no room in the model's context of 24"):
        draw(sampler_for(model), requests_for(model, 1, ["ab" * 12]), Decoding())
    empty = Request(Problem("test", 1, "", ""), (), (1,))
    with pytest.raises(SamplerError, match="has no tokens"):
        draw(sampler_for(model), [empty], Decoding())


def test_a_missing_package_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(MissingDependencyError, match="'llama-cpp-python'") as caught:
        sitool.create(tmp_path / "study", assignments=["sampler.name=llamacpp"])
    assert caught.value.hint == "try: pip install 'sitool[llamacpp]'"
    assert not (tmp_path / "study").exists()


def test_a_study_improves_with_it_and_goes_on_after_an_interruption(tmp_path: Path) -> None:
    settings = ("sampler.name=llamacpp", "llamacpp.sequences=5")
    whole = create(tmp_path / "study", *settings, real=True)
    shutil.copytree(tmp_path / "study", tmp_path / "begin")
    whole.step()
    assert whole.head is not None
    assert whole.head.number == 1
    whole.close()
    shutil.copytree(tmp_path / "begin", tmp_path / "again")
    for turn in range(40):
        study = sitool.open(tmp_path / "again")
        if study.head is not None and study.head.number == 1:
            break
        stream = study.stream_rounds(1)
        for number, _ in enumerate(stream):
            if number == 4 + turn:
                break
        stream.close()  # type: ignore[attr-defined]
        study.close()
    else:
        pytest.fail("40 interruptions were not enough")
    assert "sampler.chunk_rows=12" in REAL  # So that there are several chunks.
    assert differing(contents(tmp_path / "study"), contents(tmp_path / "again")) == []
