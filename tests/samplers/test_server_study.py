"""Whole rounds whose samples a server draws, with the real base on both sides."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from loopback import Answer, Asked, Faithful, Loopback, faithful
from studies import create, rows

from sitool.client import Study
from sitool.config import ModelSettings, TrainerSettings
from sitool.errors import SamplerError
from sitool.samplers import endpoint


@pytest.fixture
def tiny() -> Any:
    """The built-in base, once more, for the server."""
    from sitool.models.local import LocalModel

    return LocalModel.load(ModelSettings(base="tiny", device="cpu"), TrainerSettings(rank=4))


def study_on(folder: Path, url: str, *assignments: str) -> Study:
    return create(
        folder, "sampler.name=server", f"server.url={url}", "server.concurrency=4", *assignments,
        real=True,
    )  # fmt: skip


def samples_of(study: Study, role: str) -> list[int]:
    sql = "SELECT round, count(*) FROM samples WHERE role = :role GROUP BY round ORDER BY round"
    return [count for _, count in rows(study.folder, sql, role=role)]


def test_a_server_with_adapters_draws_everything(tiny: Any, tmp_path: Path) -> None:
    server = Faithful(tiny)
    with Loopback(server) as loopback:
        study = study_on(tmp_path / "study", loopback.url, "server.adapters=vllm")
        study.run(2)
        asked = {body["model"] for body in loopback.completions}
    assert samples_of(study, "train") == [36, 36]
    assert samples_of(study, "sampled") == [16, 16, 16]
    loaded = [line for line in server.history if line.startswith("load")]
    assert [line.split("-")[-2] for line in loaded] == ["r0001", "r0002"]
    assert asked == {"base", *(line.split()[1] for line in loaded)}
    assert all(sample.completion.token_logprobs for sample in study.round(2).samples())
    study.close()


def test_a_server_with_only_the_base_draws_the_first_round(tiny: Any, tmp_path: Path) -> None:
    """Evaluations are drawn here, in every round alike; the second round cannot be drawn there."""
    with faithful(tiny) as loopback:
        study = study_on(tmp_path / "study", loopback.url)
        study.run(1)
        assert len(loopback.completions) == 36 + 3
        with pytest.raises(SamplerError, match="this round samples from the adapter 'r0001'"):
            study.step()
        assert len(loopback.completions) == 36 + 3
    assert samples_of(study, "train") == [36]
    assert samples_of(study, "sampled") == [16, 16]
    study.undo()
    study.configure("sampler.name=native")
    assert study.step().number == 3
    study.close()


def test_a_round_that_the_server_left_goes_on_where_it_was(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.01)
    server, down, lock = Faithful(tiny), threading.Event(), threading.Lock()
    drawn: list[int] = []

    def respond(asked: Asked) -> Answer:
        if asked.path == "/v1/completions" and asked.body["max_tokens"] > 1:
            with lock:
                if len(drawn) == 20 and not down.is_set():
                    return Answer({"error": "out of memory"}, status=500)
                drawn.append(asked.body["seed"])
        return server(asked)

    with Loopback(respond) as loopback:
        study = study_on(tmp_path / "study", loopback.url)
        with pytest.raises(SamplerError, match="answered 500, 5 times: out of memory"):
            study.step(to="sample")
        assert samples_of(study, "train") == [12]
        down.set()
        study.step(to="sample")
    assert samples_of(study, "train") == [36]
    # The chunk that failed was begun anew, what was committed was not.
    assert len(drawn) == 20 + 24
    assert len(set(drawn)) == 36
    study.close()


def test_an_open_round_goes_on_at_a_server_that_has_moved(tiny: Any, tmp_path: Path) -> None:
    study = study_on(tmp_path / "study", "http://127.0.0.1:1")
    with pytest.raises(SamplerError, match=r"http://127.0.0.1:1/v1/models cannot be reached"):
        study.step()
    with faithful(tiny) as loopback:
        study.configure(f"server.url={loopback.url}")
        study.step(to="sample")
    assert samples_of(study, "train") == [36]
    assert study.round(1).settings.server.url == loopback.url
    study.close()


def test_a_round_without_logprobs_goes_through(tiny: Any, tmp_path: Path) -> None:
    with faithful(tiny, "text") as loopback:
        study = study_on(tmp_path / "study", loopback.url)
        study.run(1)
    assert {sample.completion.logprob for sample in study.round(1).samples()} == {None}
    assert rows(study.folder, "SELECT 1 FROM metrics WHERE round = 1 AND name = 'logprob'") == []
    assert study.summary()
    study.close()


def test_a_study_can_be_stopped_while_the_server_is_silent(tiny: Any, tmp_path: Path) -> None:
    server, never = Faithful(tiny), threading.Event()

    def respond(asked: Asked) -> Answer:
        if asked.path == "/v1/completions" and asked.body["max_tokens"] > 1:
            study.ask("stop", {})
            return Answer(wait=never)
        return server(asked)

    with Loopback(respond) as loopback:
        study = study_on(
            tmp_path / "study", loopback.url, "server.concurrency=1", "server.retries=0"
        )
        study.step(to="sample")
        while not loopback.cut_off:
            time.sleep(0.01)
    assert rows(study.folder, "SELECT phase FROM rounds WHERE id = 1") == [("sample",)]
    assert samples_of(study, "train") == []
    study.close()
