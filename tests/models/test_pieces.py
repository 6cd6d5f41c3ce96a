"""What tokens read, by the base that wrote them."""

from collections.abc import Callable
from pathlib import Path

from sitool.models.pieces import Piece, pieces_of
from sitool.records import Completion


def completion_of(text: str, token_ids: tuple[int, ...], finish: str) -> Completion:
    return Completion(token_ids, text, finish, (-0.1,) * len(token_ids))


def test_a_base_on_disk_reads_its_tokens_with_its_own_tokenizer(
    make_base: Callable[..., Path],
) -> None:
    from tokenizers import Tokenizer

    folder = make_base()
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode("ab>c").ids
    read = pieces_of(str(folder), completion_of("ab>c", (*ids, 0), "stop"))
    assert read is not None
    assert [piece.text for piece in read] == ["a", "b", ">", "c", "<end>"]


def test_a_built_in_base_writes_a_character_a_token() -> None:
    read = pieces_of("tiny", completion_of("ab", (5, 6, 0), "stop"))
    assert read == [Piece("a"), Piece("b"), Piece("<end>", special=True)]


def test_a_base_without_a_tokenizer_reads_nothing(tmp_path: Path) -> None:
    assert pieces_of(str(tmp_path), completion_of("ab", (5, 6), "length")) is None
