"""Files for llama.cpp's own programs: a model with its vocabulary, or an adapter alone.

Every file is compared with torch before it gets its name.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from sitool.drafts import replaced_file
from sitool.errors import ModelError
from sitool.models.gguf import cache, files, parity, vocabulary
from sitool.models.gguf.runtime import Adapter, LoadedFile
from sitool.models.gguf.vocabulary import Vocabulary
from sitool.models.gguf.weights import Precision
from sitool.models.local import LocalModel


def export_merged(model: LocalModel, file: Path, precision: Precision) -> bool:
    """Write the base with the adapter that is on in its weights.

    Returns:
        Whether llama.cpp can read text with it: whether the base's vocabulary
        could be written.

    Raises:
        ModelError: The base is not supported, or the file cannot be written.
    """
    words = vocabulary.words_of(model, lambda words, lines: _read_all(model, words, lines))
    with replaced_file(file, ModelError, make_folder=True) as draft:
        files.write_base(model, draft, precision, merged=True, words=words)
        tolerance = parity.TOLERANCES[precision]
        parity.check(model, LoadedFile(draft), tolerance, with_adapter=True)
    return words is not vocabulary.NONE


def export_adapter(model: LocalModel, file: Path) -> None:
    """Write the adapter that is on, to be laid over a GGUF file of its base.

    Raises:
        ModelError: The base is not supported, or the file cannot be written.
    """
    base = cache.load_base(model, "f32")
    with replaced_file(file, ModelError, make_folder=True) as draft:
        files.write_adapter(model, draft)
        adapter = Adapter(base, draft)
        parity.check(model, base, parity.TOLERANCES["f32"], adapter, with_adapter=True)


def _read_all(model: LocalModel, words: Vocabulary, lines: Sequence[str]) -> list[list[int]]:
    """Let llama.cpp turn texts into tokens with a vocabulary."""
    with tempfile.TemporaryDirectory(prefix="sitool-") as folder:
        file = Path(folder) / "vocabulary.gguf"
        files.write_vocabulary(model, file, words)
        loaded = LoadedFile(file, vocabulary_only=True)
        return [loaded.read(line) for line in lines]
