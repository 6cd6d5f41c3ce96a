"""A base's tokenizer as llama.cpp reads one, if it then reads texts alike.

Two kinds can be written: byte-level BPE, and vocabularies of single characters
such as the built-in base's. llama.cpp knows how a text is cut before the merges
by a name alone (`tokenizer.ggml.pre`); the right name is the one under which its
tokens for a corpus of awkward lines are those of the base's own tokenizer. What
this leaves out: SentencePiece models, and running llama.cpp (`words_of` takes a
function that does).
"""

import json
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gguf
from gguf import TokenType
from tokenizers.pre_tokenizers import ByteLevel

from sitool.models.local import LocalModel

CUTS = (
    "gpt-2", "llama-bpe", "qwen2", "smollm", "deepseek-llm", "deepseek-coder", "starcoder",
    "tekken", "gpt-4o", "falcon", "olmo", "stablelm2", "refact", "command-r", "qwen35", "default",
)  # fmt: skip
"""Names of llama.cpp's ways to cut a text, the likeliest first."""
NEVER = "ÿ ÿ"
"""A merge of two bytes that no text in UTF-8 has; llama.cpp wants at least one merge."""
CORPUS = (
    "Hello, world!",
    "ab,bc,cd|a>d=",
    "12+3=15",
    "1234567890 12345 123 1",
    "I'm, you'RE, they'll",
    "  two  spaces   and more    ",
    "tabs\tand\t\ttabs",
    "one\ntwo\n\nthree\n\n\n",
    " \n \n x",
    "def f(x):\n    return x**2  # squared\n",
    "naïve café, größer, Ærø",
    "日本語のテキスト と English",
    "Привет, мир! Ещё раз.",
    "مرحبا بالعالم",
    "हिन्दी में",
    "👍🏽 emoji 🎉🎉",
    "3.14159e-10, 0x1F, 50%",
    "CamelCaseWords and snake_case_words",
    "http://example.org/a?b=c&d=e",
    "\"quoted\" 'single' `code`",
    "a" * 40,
    "!!!???...---===",
    "\r\nwindows\r\n",
    "x = {1: [2, 3], 'a': (4,)}",
    "I",
    "don't can't won't",
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What is written of a tokenizer; without texts, nothing but that there is none.

    Attributes:
        texts: Of every token, as llama.cpp wants them.
        kinds: Of every token.
        merges: Such as `a b`, the first ones first.
        special: Such as `eos` -> its id.
        adds: Such as `bos` -> whether llama.cpp puts it before a text.
        template: For chats.
        cut: llama.cpp's name for how a text is cut before the merges.
    """

    texts: Sequence[str] = ()
    kinds: Sequence[TokenType] = ()
    merges: Sequence[str] = ()
    special: Mapping[str, int] | None = None
    adds: Mapping[str, bool] | None = None
    template: str | None = None
    cut: str = ""

    def add_to(self, writer: Any) -> None:
        """Write it into a file's keys."""
        if not self.texts:
            writer.add_tokenizer_model("none")
            return
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.cut)
        writer.add_token_list(self.texts)
        writer.add_token_types(self.kinds)
        writer.add_token_merges(self.merges)
        for name, token in (self.special or {}).items():
            getattr(writer, f"add_{name}_token_id")(token)
        for name, whether in (self.adds or {}).items():
            getattr(writer, f"add_add_{name}_token")(whether)
        if self.template:
            writer.add_chat_template(self.template)


NONE = Vocabulary()

ReadAll = Callable[[Vocabulary, Sequence[str]], list[list[int]]]
"""Lets llama.cpp turn texts into tokens with a vocabulary, its special tokens included."""


def words_of(model: LocalModel, read_all: ReadAll) -> Vocabulary:
    """Return the vocabulary with which llama.cpp reads as the base does, or `NONE`."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    described = {} if backend is None else json.loads(backend.to_str())
    words = _described(model, described)
    if words is None:
        return NONE
    lines = _readable(model)
    wanted = [model.tokenizer.encode(line) for line in lines]
    # How a text is cut makes no difference where nothing is merged across characters.
    cuts = CUTS if described["model"]["type"] == "BPE" else CUTS[:1]
    for cut in cuts:
        named = replace(words, cut=cut)
        if read_all(named, lines) == wanted:
            return named
    return NONE


def _readable(model: LocalModel) -> list[str]:
    """Return the corpus without the characters that the vocabulary lacks."""
    unknown = model.tokenizer.unk_token_id

    def known(character: str) -> bool:
        ids = model.tokenizer.encode(character, add_special_tokens=False)
        return bool(ids) and unknown not in ids

    if unknown is None:
        return list(CORPUS)
    have = {c for c in set("".join(CORPUS)) if known(c)}
    lines = ("".join(c for c in line if c in have) for line in CORPUS)
    return [line for line in lines if line]


def _described(model: LocalModel, tokenizer: Mapping[str, Any]) -> Vocabulary | None:
    """Return texts, kinds, merges and special tokens; None for a kind that is not written."""
    inner = tokenizer.get("model", {})
    if inner.get("type") not in ("BPE", "WordLevel"):
        return None
    added = {item["id"]: item for item in tokenizer["added_tokens"]}
    plain = {text: token for text, token in inner["vocab"].items() if token not in added}
    if inner["type"] == "BPE" and (tokenizer["decoder"] or {}).get("type") == "ByteLevel":
        encoded, merges = plain, [" ".join(_pair(merge)) for merge in inner["merges"]]
    elif inner["type"] == "WordLevel" and all(len(text) == 1 for text in plain):
        encoded = {_byte_level(text): token for text, token in plain.items()}
        merges = [merge for text in encoded for merge in _spelled(text)]
    else:
        return None
    texts, kinds = _table(model.causal_lm.config.vocab_size, encoded, added)
    special, adds, template = _special(model)
    return Vocabulary(texts, kinds, merges or [NEVER], special, adds, template)


def _table(
    size: int, plain: Mapping[str, int], added: Mapping[int, Mapping[str, Any]]
) -> tuple[list[str], list[TokenType]]:
    """Return the text and kind of every row of the embedding, those without a token included."""
    texts = [f"[PAD{number}]" for number in range(size)]
    kinds = [TokenType.UNUSED] * size
    for text, token in plain.items():
        texts[token], kinds[token] = text, TokenType.NORMAL
    for token, item in added.items():
        texts[token] = item["content"]
        kinds[token] = TokenType.CONTROL if item["special"] else TokenType.USER_DEFINED
    return texts, kinds


def _special(model: LocalModel) -> tuple[dict[str, int], dict[str, bool], str | None]:
    """Read special tokens and the chat template from the tokenizer's files."""
    logging.getLogger("gguf.vocab").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        model.tokenizer.save_pretrained(folder)
        found = gguf.SpecialVocab(folder)
    special = {"bos": model.end_token, **found.special_token_ids, "eos": model.end_token}
    # Left out, llama.cpp would take token 11 for the beginning.
    adds = {"bos": False, "eos": False, **found.add_special_token}
    template = found.chat_template if isinstance(found.chat_template, str) else None
    return special, adds, template


def _pair(merge: str | Sequence[str]) -> Sequence[str]:
    return merge.split(" ") if isinstance(merge, str) else merge


def _byte_level(character: str) -> str:
    """Write a character's bytes as the letters that byte-level BPE has for them.

    >>> _byte_level("a"), _byte_level(" ")
    ('a', 'Ġ')
    """
    pieces = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(character)
    return "".join(text for text, _ in pieces)


def _spelled(text: str) -> list[str]:
    """Return the merges that put a character's bytes together.

    >>> _spelled("abc")
    ['a b', 'ab c']
    """
    return [f"{text[:end]} {text[end]}" for end in range(1, len(text))]
