"""Runs the experiments that are not among the results yet: `python -m benchmarks.experiments`."""

import argparse
from pathlib import Path

from benchmarks.experiments.report import report
from benchmarks.experiments.runs import MEASURES, Size, conditions, read_runs, run_all

RESULTS = Path("docs/results/experiments.jsonl")


def main() -> None:
    """Run the experiments, or the part of them that the options ask for, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--file", type=Path, default=RESULTS)
    parser.add_argument("--kind", choices=sorted(MEASURES), nargs="*", help="only these studies")
    parser.add_argument("--report", action="store_true", help="only write the tables")
    options = parser.parse_args()
    if not options.report:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        kinds = options.kind or list(MEASURES)
        wanted = [c for c in conditions(Size()) if c.kind in kinds]
        run_all(wanted, range(options.seeds), options.file)
    for letter, lines in report(read_runs(options.file)).items():
        print(f"({letter})\n\n{lines}\n")


if __name__ == "__main__":
    main()
