"""Where every random number of a study comes from.

A seed is the hash of the full path of what is drawn, such as
`(study seed, round, "sample", problem, index)`. Two neighbouring study seeds
therefore share no problem, which `Random(seed + i)` does not give: there item
`i` of seed `s` is item `i - 1` of seed `s + 1`.
"""

import hashlib
import random

SEED_BITS = 63


def derive_seed(*path: int | str) -> int:
    """Hash a path to a seed in [0, 2**63).

    Integers and strings of the same spelling differ, and so do paths that
    only join differently.

    >>> derive_seed(7, "sample", 3) == derive_seed(7, "sample", 3)
    True
    >>> derive_seed(1, 23) == derive_seed(12, 3) or derive_seed(1) == derive_seed("1")
    False
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in path:
        text = str(part).encode()
        digest.update(b"i" if isinstance(part, int) else b"s")
        digest.update(len(text).to_bytes(4, "big"))
        digest.update(text)
    return int.from_bytes(digest.digest(), "big") >> (64 - SEED_BITS)


def generator(*path: int | str) -> random.Random:
    """Return Python's generator, seeded from a path."""
    return random.Random(derive_seed(*path))
