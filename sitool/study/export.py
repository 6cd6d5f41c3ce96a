"""Takes things out of a study: samples as a table, an adapter, a merged model, GGUF files.

The format of a table goes by the file's ending: .jsonl, .csv or .parquet.
"""

import csv
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sitool import registry
from sitool.drafts import replaced_file
from sitool.errors import MissingDependencyError, SitoolError, StudyError
from sitool.records import Sample
from sitool.study.sample_rows import sample_row

FORMATS = (".jsonl", ".csv", ".parquet")
COLUMNS = (
    "id", "round", "role", "level", "position", "index", "prompt", "truth", "completion",
    "finish", "logprob", "tokens", "weight", "rule", "ruling", "reason", "author", "edited",
    "scores",
)  # fmt: skip


def export_samples(samples: Iterable[Sample], file: Path) -> int:
    """Write samples to a file and return how many.

    Raises:
        StudyError: The file's ending names no format that we write, or it
            cannot be written.
        MissingDependencyError: Parquet is asked for without pyarrow.
    """
    writers = {".jsonl": _write_jsonl, ".csv": _write_csv, ".parquet": _write_parquet}
    if file.suffix not in writers:
        raise StudyError(
            f"{file.name!r} does not end in a format that samples are written in:"
            f" {', '.join(FORMATS)}.",
            f"try: --output {file.stem}.jsonl",
        )
    with replaced_file(file) as draft:
        return writers[file.suffix]((sample_row(s) for s in samples), draft)


def export_adapter(folder: Path | None, output: Path) -> None:
    """Copy a round's adapter folder, in PEFT's format.

    Raises:
        StudyError: The round has none, or the output is there already.
        ModelError: The folder is broken.
    """
    from sitool.models.adapters import method_of

    if folder is None:
        raise StudyError("Round 0 is the base and has no adapter.", "try: --round 1")
    if method_of(folder) == "full":
        raise StudyError(
            f"Round {int(folder.name[1:])} was trained by full fine-tuning, so it has no adapter.",
            "try: sitool export model, which writes the whole model",
        )
    _refuse_existing(output)
    try:
        shutil.copytree(folder, output)
    except OSError as error:
        raise StudyError(f"{str(output)!r} cannot be written: {error.strerror}.") from error


def export_model(settings: Any, folder: Path | None, output: Path) -> None:
    """Write base and adapter merged into one model, with its tokenizer.

    Args:
        settings: The round's.
        folder: The adapter; None writes the base itself.

    Raises:
        StudyError: The output is there already.
        ModelError: The base or the adapter cannot be loaded.
    """
    _refuse_existing(output)
    _load(settings).save_merged(folder, output)


def export_gguf(settings: Any, folder: Path | None, output: Path, dtype: str) -> bool:
    """Write base and adapter merged into one GGUF file, for llama.cpp.

    Args:
        settings: The round's.
        folder: The adapter; None writes the base itself.
        dtype: f32, f16 or q8_0.

    Returns:
        Whether the file carries the base's vocabulary.

    Raises:
        StudyError: The output is there already.
        MissingDependencyError: llama.cpp is not installed.
        ModelError: The base cannot be written as GGUF.
    """
    _refuse_existing(output)
    registry.check_installed("sampler", "llamacpp", "Writing GGUF")
    from sitool.models.gguf import exports

    model = _load(settings)
    model.use_adapter(folder)
    return exports.export_merged(model, output, dtype)  # type: ignore[arg-type]


def export_gguf_adapter(settings: Any, folder: Path | None, output: Path) -> None:
    """Write an adapter as GGUF, to be laid over a GGUF file of its base.

    Raises:
        StudyError: The round has none, or the output is there already.
        MissingDependencyError: llama.cpp is not installed.
        ModelError: The base cannot be written as GGUF.
    """
    if folder is None:
        raise StudyError("Round 0 is the base and has no adapter.", "try: --round 1")
    _refuse_existing(output)
    registry.check_installed("sampler", "llamacpp", "Writing GGUF")
    from sitool.models.gguf import exports

    model = _load(settings)
    model.use_adapter(folder)
    exports.export_adapter(model, output)


def _load(settings: Any) -> Any:
    """Load the base of a round's settings, which has to be a real one."""
    from sitool.models.loading import load_model

    model = load_model(settings)
    if not hasattr(model, "save_merged"):
        raise SitoolError(f"The base {settings.model.base!r} has no weights to export.")
    return model


def _refuse_existing(output: Path) -> None:
    if output.exists():
        raise StudyError(f"{str(output)!r} exists already.", "try: another --output")


def _write_jsonl(rows: Iterator[dict[str, Any]], file: Path) -> int:
    count = 0
    with file.open("w", encoding="utf-8") as out:
        for count, row in enumerate(rows, 1):  # noqa: B007
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _write_csv(rows: Iterator[dict[str, Any]], file: Path) -> int:
    count = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        for count, row in enumerate(rows, 1):  # noqa: B007
            writer.writerow(row | {"scores": json.dumps(row["scores"], ensure_ascii=False)})
    return count


def _write_parquet(rows: Iterator[dict[str, Any]], file: Path) -> int:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError("Writing Parquet", "pyarrow", "parquet") from error
    listed = [row | {"scores": json.dumps(row["scores"], ensure_ascii=False)} for row in rows]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(listed), file)
    return len(listed)
