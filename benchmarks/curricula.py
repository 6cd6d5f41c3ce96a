"""Which curriculum learns most from the same number of samples: `python -m benchmarks.curricula`.

Runs whole studies: every curriculum x base x budget x seed, all with the same
number of samples a round, and measures greedy accuracy on held-out problems of
every level after every round. Results are kept in a JSON-lines file run by run,
so that a stopped benchmark goes on where it was; `--report` only draws them.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sitool
from sitool.measure import ALL_LEVELS

# Two-sided 95 % quantiles of Student's t for 1 to 11 degrees of freedom.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20)


@dataclass(frozen=True, slots=True)
class Setting:
    """One cell of the benchmark.

    Attributes:
        budget: Problems and samples of each, a round.
        options: Further `a.b=value` texts.
    """

    task: str
    base: str
    budget: tuple[int, int]
    rounds: int
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the cell's name in tables."""
        problems, samples = self.budget
        extra = f", {', '.join(self.options)}" if self.options else ""
        return f"{self.task}, base {self.base}, {problems} x {samples} samples a round{extra}"


@dataclass(frozen=True, slots=True)
class Run:
    """One study, measured after every round.

    Attributes:
        accuracy: By round, then level; level 0 is all levels.
        accepted: By round.
    """

    setting: Setting
    curriculum: str
    seed: int
    accuracy: list[dict[str, float]]
    accepted: list[int]
    seconds: float


def curricula(setting: Setting, hardest: int) -> dict[str, tuple[str, ...]]:
    """Return what is compared, as settings."""
    return {
        "easy to hard (adaptive)": ("curriculum.rule=adaptive",),
        "staged": ("curriculum.rule=staged", f"curriculum.rounds={setting.rounds}"),
        "uniform mixture": ("curriculum.rule=fixed",),
        "hard only": ("curriculum.rule=fixed", f"curriculum.lowest={hardest}"),
    }


def run_study(setting: Setting, curriculum: str, options: Sequence[str], seed: int) -> Run:
    """Run one study in a folder that is thrown away."""
    problems, samples = setting.budget
    assignments = (
        f"task.name={setting.task}",
        f"model.base={setting.base}",
        "model.threads=1",
        "trainer.epochs=4",
        "trainer.batch_size=32",
        f"draw.problems={problems}",
        f"draw.samples={samples}",
        f"seed={seed}",
        "evaluation.problems_per_level=48",
        "evaluation.samples=0",
        *setting.options,
        *options,
    )
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        study = sitool.create(Path(folder) / "study", assignments=assignments)
        study.run(setting.rounds)
        rounds = [r.summary() for r in study.rounds()]
        study.close()
    accuracy = [{str(k): m.value for k, m in r.accuracy.items()} for r in rounds]
    accepted = [r.accepted for r in rounds]
    return Run(setting, curriculum, seed, accuracy, accepted, time.perf_counter() - started)


def run_all(settings: Sequence[Setting], seeds: Sequence[int], file: Path) -> None:
    """Run what the file does not hold yet, and add each run to it as it ends."""
    done = {(r.setting, r.curriculum, r.seed) for r in read_runs(file)}
    wanted = [
        (setting, name, options, seed)
        for seed in seeds
        for setting in settings
        for name, options in curricula(setting, hardest_level(setting)).items()
        if (setting, name, seed) not in done
    ]
    for number, (setting, name, options, seed) in enumerate(wanted, 1):
        run = run_study(setting, name, options, seed)
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(run)) + "\n")
        final = run.accuracy[-1][str(ALL_LEVELS)]
        print(
            f"{number}/{len(wanted)} {setting.name}; {name}; seed {seed}:"
            f" {final:.3f} in {run.seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )


def hardest_level(setting: Setting) -> int:
    """Return the hardest level that a setting draws."""
    for option in setting.options:
        if option.startswith("curriculum.highest="):
            return int(option.split("=")[1])
    from sitool.parts import make_task
    from sitool.presets import build_settings

    task_options = [o for o in setting.options if o.startswith("task.")]
    settings = build_settings(assignments=[f"task.name={setting.task}", *task_options])
    return make_task(settings).levels[-1]


def read_runs(file: Path) -> list[Run]:
    """Read the runs of a file; an unfinished last line is left out."""
    if not file.exists():
        return []
    return [_read_run(line) for line in file.read_text().splitlines() if line.endswith("}")]


def _read_run(line: str) -> Run:
    body = json.loads(line)
    s = body.pop("setting")
    setting = Setting(s["task"], s["base"], tuple(s["budget"]), s["rounds"], tuple(s["options"]))
    return Run(setting, **body)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return a mean and its 95 % interval over seeds, by Student's t."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.nan, math.nan
    spread = STUDENT[min(len(values) - 2, len(STUDENT) - 1)]
    half = spread * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def report(runs: Sequence[Run]) -> Iterator[str]:
    """Write a Markdown table for each setting."""
    for setting in dict.fromkeys(r.setting for r in runs):
        here = [r for r in runs if r.setting == setting]
        names = list(dict.fromkeys(r.curriculum for r in here))
        shown = sorted({0, *_checkpoints(setting.rounds)})
        yield f"### {setting.name}\n"
        heads = " | ".join(f"after {t} rounds" for t in shown)
        kept = "accepted in round 1, last | levels >= .5 at the end"
        yield f"| curriculum | seeds | {heads} | {kept} |"
        yield "|---" * (len(shown) + 4) + "|"
        for name in names:
            yield _row(name, [r for r in here if r.curriculum == name], shown)
        yield ""


def _row(name: str, runs: Sequence[Run], shown: Sequence[int]) -> str:
    cells = []
    for t in shown:
        mean, low, high = interval([r.accuracy[t][str(ALL_LEVELS)] for r in runs])
        cells.append(f"{mean:.3f} ({low:.3f} to {high:.3f})")
    accepted = [statistics.fmean(r.accepted[t] for r in runs) for t in (1, -1)]
    solved = statistics.fmean(
        sum(v >= 0.5 for k, v in r.accuracy[-1].items() if k != str(ALL_LEVELS)) for r in runs
    )
    kept = f"{accepted[0]:.0f}, {accepted[1]:.0f}"
    return f"| {name} | {len(runs)} | {' | '.join(cells)} | {kept} | {solved:.1f} |"


def _checkpoints(rounds: int) -> tuple[int, ...]:
    return (rounds // 2, rounds)


def figures(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return easy to hard against each other curriculum, in the benchmarks' common form."""
    found: list[dict[str, Any]] = []
    for setting in dict.fromkeys(r.setting for r in runs):
        final = {
            name: interval(
                [
                    r.accuracy[-1][str(ALL_LEVELS)]
                    for r in runs
                    if r.setting == setting and r.curriculum == name
                ]
            )[0]
            for name in dict.fromkeys(r.curriculum for r in runs if r.setting == setting)
        }
        ours = next(v for name, v in final.items() if "adaptive" in name)
        found += [
            {
                "name": f"{setting.name}: adaptive against {name}",
                "ours": round(ours, 4),
                "peer": round(peer, 4),
                "ratio": round(ours / peer, 3) if peer else None,
                "unit": "accuracy over all levels",
                "runs": len({r.seed for r in runs if r.setting == setting}),
            }
            for name, peer in final.items()
            if "adaptive" not in name
        ]
    return found


def plot(runs: Sequence[Run], file: Path) -> None:
    """Draw accuracy over rounds with intervals, one panel a setting."""
    import altair as alt

    rows = []
    for setting in dict.fromkeys(r.setting for r in runs):
        for name in dict.fromkeys(r.curriculum for r in runs):
            here = [r for r in runs if r.setting == setting and r.curriculum == name]
            for t in range(setting.rounds + 1) if here else ():
                mean, low, high = interval([r.accuracy[t][str(ALL_LEVELS)] for r in here])
                panel = f"{setting.task}, {setting.base}, {setting.budget[0]} x {setting.budget[1]}"
                rows.append(
                    {"panel": panel, "curriculum": name, "round": t}
                    | {"accuracy": mean, "low": low, "high": high}
                )
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("round:Q", axis=alt.Axis(tickMinStep=1)),
        color=alt.Color("curriculum:N", scale=alt.Scale(scheme="tableau10")),
    )
    band = base.mark_area(opacity=0.2).encode(y="low:Q", y2="high:Q")
    line = base.mark_line(point=True).encode(
        y=alt.Y("accuracy:Q", title="accuracy, all levels"),
        strokeDash=alt.StrokeDash("curriculum:N", legend=None),
    )
    chart = alt.layer(band, line).properties(width=280, height=200)
    chart.facet(facet=alt.Facet("panel:N", title=None), columns=2).save(str(file))


SETTINGS = (
    Setting("addition", "tiny-weak", (128, 4), 8),
    Setting("addition", "tiny-weak", (32, 4), 8),
    Setting("addition", "tiny", (128, 4), 8),
    Setting("addition", "tiny", (32, 4), 8),
    Setting("chain", "tiny", (128, 4), 8),
    Setting("path", "tiny", (128, 4), 6, ("sampler.max_new_tokens=16",)),
)


def main() -> None:
    """Run the benchmark, or the part of it that the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--file", type=Path, default=Path("docs/results/curricula.jsonl"))
    parser.add_argument("--setting", type=int, nargs="*", help="Only these of SETTINGS, from 0.")
    parser.add_argument("--report", action="store_true", help="Only draw what there is.")
    parser.add_argument("--plot", type=Path, help="Write a plot, such as curricula.svg.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = [SETTINGS[i] for i in options.setting] if options.setting else list(SETTINGS)
    if not options.report:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        run_all(chosen, range(options.seeds), options.file)
    runs = read_runs(options.file)
    if options.plot:
        plot(runs, options.plot)
    print(json.dumps(figures(runs), indent=2) if options.json else "\n".join(report(runs)))


if __name__ == "__main__":
    main()
