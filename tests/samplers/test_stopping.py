"""Stop strings, against looking at every prefix."""

from hypothesis import given
from hypothesis import strategies as st

from sitool.samplers.stopping import cut, tail_length

TEXTS = st.lists(st.sampled_from(["a", "b", "ab", "é", "", "ba"]), min_size=1, max_size=12)
STRINGS = st.lists(st.text("abé", min_size=1, max_size=3), min_size=1, max_size=3)


@given(pieces=TEXTS, stop=STRINGS)
def test_the_first_prefix_with_a_stop_string_is_kept(pieces: list[str], stop: list[str]) -> None:
    def decode(ids: object) -> str:
        return "".join(pieces[number] for number in ids)  # type: ignore[attr-defined]

    tokens = range(len(pieces))
    prefixes = [decode(tokens[:length]) for length in range(1, len(pieces) + 1)]
    hits = [length for length, text in enumerate(prefixes, start=1) if any(s in text for s in stop)]
    found = cut(tokens, decode, stop)
    if not hits:
        assert found is None
        return
    text = prefixes[hits[0] - 1]
    assert found == (hits[0], text[: min(text.index(s) for s in stop if s in text)])


@given(stop=STRINGS, steps=st.integers(1, 8), before=st.text("abé", max_size=8))
def test_the_tail_holds_whatever_has_just_ended(stop: list[str], steps: int, before: str) -> None:
    text = (before + stop[0]).encode() + b"x" * (steps - 1)
    assert stop[0].encode() in text[-tail_length(stop, steps) :]
