"""Write the benchmark report, the plot and the README's summary from the results of a run.

Usage: ``python -m benches.report RUN.json``, with the file written by ``pytest benches --benchmark-json=RUN.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benches.quality import placement
from benches.speed import plot
from benches.speed.clock import format_seconds
from benches.speed.maps import MAPS_WITH_FAULTS, MAPS_WITHOUT_FAULTS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
MILLION = 1_000_000
CHECKS = ["devicemap", "numpy", "sort", "set", "Counter"]
"""The implementations in the table of checks, in the order of the columns."""
CREATORS = ["devicemap", "original", "list(range(n))"]
"""The implementations in the table of functions that create maps, in the order of the columns."""

PLOT = """\
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="{folder}time-dark.svg">
  <img alt="Time to check a device map against its number of blocks, for devicemap and its peers" src="{folder}time-light.svg">
</picture>"""  # noqa: E501, an HTML element in Markdown
METHOD_NOTE = (
    "Times are medians. Each call is repeated, so that the caches are warm: the first call after other work takes"
    " longer, and the lead over the peers is smaller there. Other machines, memory, several threads and blocks"
    " other than plain ints are not measured. Ratios depend on the machine less than times do."
)
PEERS_NOTE = (
    "`set`, `sort` and `Counter` are checks in pure Python; `numpy` is `fromiter` and `bincount`. All raise the"
    " errors of the original."
)

BARS_NOTE = (
    "Each bar is a ratio of two calls that are timed alternately, or a time limit. `time` is that of devicemap. It"
    " differs from the times above, which are measured one call at a time."
)


class Run:
    """The results of a run of the benchmarks."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.machine: dict[str, Any] = data["machine_info"]
        self.date: str = data["datetime"][:10]
        self.bars: list[dict[str, Any]] = data["bars"]
        self.placements: list[dict[str, Any]] = data["placements"]
        self._times: dict[tuple[str, str, str], plot.Times] = {}
        for entry in data["benchmarks"]:
            info = entry["extra_info"]
            times = self._times.setdefault((info["job"], info["input_kind"], info["implementation"]), {})
            times[info["num_blocks"]] = entry["stats"]["median"]

    def times(self, job: str, input_kind: str, implementation: str) -> plot.Times:
        """Return the median time of an implementation in seconds, by number of blocks. The job is "assert" or "get"."""
        return self._times.get((job, input_kind, implementation), {})


def main() -> None:
    """Write the plot, the report and the README's summary, and print the bars."""
    run = Run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    all_times = {name: run.times("assert", "contiguous", name) for name in [*CHECKS, "original"]}
    measured_times = {name: times for name, times in all_times.items() if times}
    plot.draw(measured_times, DOCS / "time-light.svg", plot.LIGHT)
    plot.draw(measured_times, DOCS / "time-dark.svg", plot.DARK)
    (DOCS / "benchmarks.md").write_text(report(run), encoding="utf-8")
    replace_between_markers("bench", f"{PLOT.format(folder='docs/')}\n\n{summary(run)}")
    for bar in run.bars:
        is_met = "met" if bar["is_met"] else "MISSED"
        print(f"{bar['call']:22} {bar['requirement']:42} {bar['measured']:>9}  {is_met}")
    print(f"{sum(bar['is_met'] for bar in run.bars)} of {len(run.bars)} bars met")


def replace_between_markers(name: str, text: str) -> None:
    """Replace the part of the README between two markers."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found_begin, rest = README.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if found_begin and found_end:
        README.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
    else:
        print(f"README.md has no markers {begin} … {end} and was not changed")


def report(run: Run) -> str:
    """Return the text of docs/benchmarks.md."""
    check_rows = (time_cells(run, "assert", kind, CHECKS) for kind in [*MAPS_WITHOUT_FAULTS, *MAPS_WITH_FAULTS])
    creator_rows = (time_cells(run, "get", kind, CREATORS) for kind in ("8 devices", "one block per device"))
    parts = [
        "# Benchmarks",
        f"This file is written by `make bench`. {versions_and_machine(run)} {METHOD_NOTE}",
        "## Checking a device map",
        PLOT.format(folder=""),
        f"`assert_device_map`, 1,000,000 blocks on 8 devices. {PEERS_NOTE}",
        markdown_table(["map", *CHECKS], check_rows),
        original_note(run),
        "## Creating a device map",
        "`get_device_map`, 1,000,000 blocks:",
        markdown_table(["map", *CREATORS], creator_rows),
        "## Quality of placement",
        placement.section(run.placements),
        "## Bars",
        BARS_NOTE,
        markdown_table(["call", "bar", "", "measured", "time"], map(bar_cells, run.bars), num_text_columns=3),
    ]
    return "\n\n".join(parts) + "\n"


def summary(run: Run) -> str:
    """Return the README's summary."""
    names = "devicemap", "numpy", "original"
    devicemap, numpy, original = (run.times("assert", "contiguous", name) for name in names)
    ratio = numpy[MILLION] / devicemap[MILLION]
    extrapolated = ""
    if original:
        seconds = plot.extrapolate_quadratically(original, MILLION)
        extrapolated = f" The original would take about {format_seconds(seconds)}."
    return (
        f"A check of a million blocks takes {format_seconds(devicemap[MILLION])}, {ratio:.0f} times less than with"
        f" NumPy.{extrapolated} See [all benchmarks](docs/benchmarks.md)."
    )


def markdown_table(header: list[str], rows: Iterable[list[str]], num_text_columns: int = 1) -> str:
    """Return a Markdown table. The columns after the first ``num_text_columns`` are right-aligned."""
    ruler = ["---" if column < num_text_columns else "---:" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ruler, *rows])


def time_cells(run: Run, job: str, input_kind: str, implementations: list[str]) -> list[str]:
    """Return a row with the kind of map, and the time of each implementation or a dash if it was not measured."""
    times = [run.times(job, input_kind, name).get(MILLION) for name in implementations]
    return [input_kind, *("–" if time is None else format_seconds(time) for time in times)]


def bar_cells(bar: dict[str, Any]) -> list[str]:
    """Return the row of a bar."""
    is_met = "met" if bar["is_met"] else "**missed**"
    return [bar["call"], bar["requirement"], is_met, bar["measured"], format_seconds(bar["seconds"][0])]


def original_note(run: Run) -> str:
    """Return a sentence on the time of the original for a million blocks."""
    times = run.times("assert", "contiguous", "original")
    if not times:
        return "The original was not installed."
    largest = max(times)
    return (
        f"The original takes {format_seconds(times[largest])} for {largest:,} blocks. Its time is quadratic: about"
        f" {format_seconds(plot.extrapolate_quadratically(times, MILLION))} for a million blocks, extrapolated."
    )


def versions_and_machine(run: Run) -> str:
    """Return a sentence with the date, the versions and the machine."""
    packages = [f"{name} {version}" for name, version in run.machine["packages"].items()]
    cpu = run.machine["cpu"]
    machine = [cpu["brand_raw"], f"{cpu['count']} cores", f"{run.machine['system']} {run.machine['machine']}"]
    return f"Measured on {run.date}: {', '.join([run.machine['python'], *packages, *machine])}."


if __name__ == "__main__":
    main()
