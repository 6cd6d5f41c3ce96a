import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from studies import adapters, create, first_sample

from sitool.client import Study
from sitool.errors import MissingDependencyError, SitoolError, StudyError
from sitool.study import export
from sitool.study.sample_rows import sample_row


@pytest.fixture
def ruled(study: Study) -> Study:
    study.edit(first_sample(study, 2, accepted=False).id, 'a1,"b2"\né\x1b[31m', "my, reason")
    return study


def everything(study: Study) -> list[dict[str, object]]:
    return [sample_row(s) for r in study.rounds() for s in r.samples()]


def test_jsonl_reads_back_row_by_row(ruled: Study, tmp_path: Path) -> None:
    file = tmp_path / "samples.jsonl"
    samples = [s for r in ruled.rounds() for s in r.samples()]
    assert export.export_samples(samples, file) == len(samples) == 192
    lines = file.read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == everything(ruled)
    assert tuple(json.loads(lines[0])) == export.COLUMNS


def test_csv_reads_back_row_by_row(ruled: Study, tmp_path: Path) -> None:
    file = tmp_path / "samples.csv"
    export.export_samples(ruled.round(2).samples(), file)
    with file.open(encoding="utf-8", newline="") as source:
        found = list(csv.DictReader(source))
    expected = [row for row in everything(ruled) if row["round"] == 2]
    assert [row["completion"] for row in found] == [row["completion"] for row in expected]
    assert [row["edited"] for row in found] == [row["edited"] or "" for row in expected]
    assert [json.loads(row["scores"]) for row in found] == [row["scores"] for row in expected]


def test_parquet_reads_back_row_by_row(ruled: Study, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "samples.parquet"
    export.export_samples(ruled.round(2).samples(), file)
    found = parquet.read_table(file).to_pylist()
    expected = [row for row in everything(ruled) if row["round"] == 2]
    for row in found:
        row["scores"] = json.loads(row["scores"])
    assert found == expected


def test_parquet_without_pyarrow_names_the_extra(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        MissingDependencyError, match="Writing Parquet needs the package 'pyarrow'"
    ) as caught:
        export.export_samples(study.round(1).samples(), tmp_path / "s.parquet")
    assert caught.value.hint == "try: pip install 'sitool[parquet]'"
    assert not (tmp_path / "s.parquet").exists()


@pytest.mark.parametrize("name", ["samples", "samples.xlsx", "samples.json", ".jsonl"])
def test_an_unknown_ending_is_refused_with_the_known_ones(
    study: Study, tmp_path: Path, name: str
) -> None:
    with pytest.raises(StudyError, match=r"\.jsonl, \.csv, \.parquet"):
        export.export_samples(study.round(1).samples(), tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("ending", export.FORMATS)
def test_no_samples_make_an_empty_file_of_the_right_kind(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"none{ending}"
    assert export.export_samples([], file) == 0
    assert file.exists()


@pytest.mark.parametrize("ending", export.FORMATS)
def test_a_file_that_cannot_be_written_says_so(study: Study, tmp_path: Path, ending: str) -> None:
    with pytest.raises(StudyError, match="cannot be written"):
        export.export_samples(study.round(1).samples(), tmp_path / "nowhere" / f"s{ending}")


def test_an_adapter_is_copied_byte_by_byte_and_never_over_something(
    study: Study, tmp_path: Path
) -> None:
    export.export_adapter(study.round(1).adapter, tmp_path / "out" / "adapter")
    for name in adapters(study.folder):
        if name.startswith("adapters/r0001/"):
            copied = tmp_path / "out" / "adapter" / name.removeprefix("adapters/r0001/")
            assert copied.read_bytes() == (study.folder / name).read_bytes()
    with pytest.raises(StudyError, match="exists already"):
        export.export_adapter(study.round(1).adapter, tmp_path / "out" / "adapter")


def test_round_0_has_no_adapter_to_export(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="Round 0 is the base and has no adapter"):
        export.export_adapter(study.round(0).adapter, tmp_path / "adapter")


def test_the_scripted_base_has_no_weights_to_export(study: Study, tmp_path: Path) -> None:
    with pytest.raises(SitoolError, match="The base 'scripted' has no weights to export"):
        export.export_model(study.settings, study.round(1).adapter, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_merged_model_is_not_written_over_something(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="exists already"):
        export.export_model(study.settings, None, tmp_path)


def test_llamacpp_itself_says_what_an_exported_round_says(tmp_path: Path) -> None:
    """Text in, text out, with llama-cpp-python's own class, merged and with the adapter beside."""
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    from sitool.models.loading import load_model

    study = create(tmp_path / "study", real=True)
    study.step()
    round_, start = study.round(1), study.round(0)
    merged, base, lora = (tmp_path / f"{name}.gguf" for name in ("merged", "base", "lora"))
    assert export.export_gguf(round_.settings, round_.adapter, merged, "f32")
    assert export.export_gguf(start.settings, start.adapter, base, "f32")
    export.export_gguf_adapter(round_.settings, round_.adapter, lora)
    model = load_model(round_.settings)
    model.use_adapter(round_.adapter)
    for options in ({"model_path": str(merged)}, {"model_path": str(base), "lora_path": str(lora)}):
        peer = llama_cpp.Llama(n_ctx=256, n_threads=1, verbose=False, **options)
        for sample in list(round_.samples())[:3]:
            prompt = sample.problem.prompt
            said = peer(prompt, max_tokens=12, temperature=0)["choices"][0]["text"]
            assert said == greedy(model, prompt, 12)
        peer.close()


def greedy(model: Any, prompt: str, limit: int) -> str:
    import torch

    ids = torch.tensor([model.encode(prompt)])
    new = model.causal_lm.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=limit, do_sample=False
    )[0, ids.shape[1] :]
    return str(model.decode(new.tolist()))


def test_gguf_files_are_refused_where_they_cannot_be(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_ = study.round(1)
    with pytest.raises(StudyError, match="has no adapter"):
        export.export_gguf_adapter(round_.settings, None, tmp_path / "adapter.gguf")
    (tmp_path / "there.gguf").write_text("")
    with pytest.raises(StudyError, match="exists already"):
        export.export_gguf(round_.settings, None, tmp_path / "there.gguf", "f16")
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(MissingDependencyError, match=r"Writing GGUF needs .* 'llama-cpp-python'"):
        export.export_gguf(round_.settings, None, tmp_path / "model.gguf", "f16")
    assert not (tmp_path / "model.gguf").exists()


def test_the_scripted_base_has_nothing_to_write_as_gguf(study: Study, tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    with pytest.raises(SitoolError, match="has no weights to export"):
        export.export_gguf(study.round(1).settings, None, tmp_path / "model.gguf", "f16")
