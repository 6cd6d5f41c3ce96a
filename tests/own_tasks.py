"""Task files to test with: sums, and the ways in which one can go wrong."""

SUMS = """\
levels = range(1, 5)


def problem(level, rng):
    first, second = (rng.randrange(10 ** (level - 1), 10**level) for _ in range(2))
    return f"{first}+{second}=", first + second
"""

PARTS = ("model.base=scripted", "sampler.name=scripted", "trainer.name=scripted")
SMALL = (
    *PARTS,
    "draw.problems=12",
    "draw.samples=3",
    "evaluation.problems_per_level=4",
    "evaluation.samples=2",
)


def file_with(body: str, more: str = "", levels: str = "range(1, 4)") -> str:
    """Return a task file whose `problem` has this body."""
    return f"levels = {levels}\n\n\ndef problem(level, rng):\n    {body}\n\n\n{more}\n"
