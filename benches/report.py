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
from benches.speed.maps import BAD, GOOD

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
MILLION = 1_000_000
CHECKS = ["devicemap", "numpy", "sort", "set", "Counter"]
CREATORS = ["devicemap", "original", "list(range(n))"]

PICTURE = """\
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="{folder}time-dark.svg">
  <img alt="Time to check a device map against its number of blocks, for devicemap and its peers" src="{folder}time-light.svg">
</picture>"""  # noqa: E501, an HTML element in Markdown
METHOD = (
    "Times are medians. Each call is repeated, so that the caches are warm: the first call after other work takes"
    " longer, and the lead over the peers is smaller there. Other machines, memory, several threads and blocks"
    " other than plain ints are not measured. Ratios depend on the machine less than times do."
)
PEERS = (
    "`set`, `sort` and `Counter` are checks in pure Python; `numpy` is `fromiter` and `bincount`. All raise the"
    " errors of the original."
)

BARS = (
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
            times = self._times.setdefault((info["job"], info["on"], info["peer"]), {})
            times[info["num_blocks"]] = entry["stats"]["median"]

    def times(self, job: str, on: str, peer: str) -> plot.Times:
        """Return the median seconds of a peer by number of blocks."""
        return self._times.get((job, on, peer), {})


def main() -> None:
    """Write the plot, the report and the README's summary, and print the bars."""
    run = Run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    contiguous = {peer: run.times("assert", "contiguous", peer) for peer in [*CHECKS, "original"]}
    measured = {peer: times for peer, times in contiguous.items() if times}
    plot.draw(measured, DOCS / "time-light.svg", plot.LIGHT)
    plot.draw(measured, DOCS / "time-dark.svg", plot.DARK)
    (DOCS / "benchmarks.md").write_text(report(run), encoding="utf-8")
    write_between_markers("bench", f"{PICTURE.format(folder='docs/')}\n\n{summary(run)}")
    for bar in run.bars:
        print(f"{bar['what']:22} {bar['bar']:42} {bar['measured']:>9}  {'met' if bar['met'] else 'MISSED'}")
    print(f"{sum(bar['met'] for bar in run.bars)} of {len(run.bars)} bars met")


def write_between_markers(name: str, text: str) -> None:
    """Replace a part of the README between two markers."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = README.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if found and closed:
        README.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
    else:
        print(f"README.md has no markers {begin} … {end} and was not changed")


def report(run: Run) -> str:
    """Return the text of docs/benchmarks.md."""
    parts = [
        "# Benchmarks",
        f"This file is written by `make bench`. {setting(run)} {METHOD}",
        "## Checking a device map",
        PICTURE.format(folder=""),
        f"`assert_device_map`, 1,000,000 blocks on 8 devices. {PEERS}",
        table(["map", *CHECKS], (cells(run, "assert", kind, CHECKS) for kind in [*GOOD, *BAD])),
        original(run),
        "## Creating a device map",
        "`get_device_map`, 1,000,000 blocks:",
        table(["map", *CREATORS], (cells(run, "get", on, CREATORS) for on in ("8 devices", "one block per device"))),
        "## Quality of placement",
        placement.section(run.placements),
        "## Bars",
        BARS,
        table(["call", "bar", "", "measured", "time"], (bar_cells(bar) for bar in run.bars), text_columns=3),
    ]
    return "\n\n".join(parts) + "\n"


def summary(run: Run) -> str:
    """Return the README's summary."""
    ours, numpy, theirs = (run.times("assert", "contiguous", peer) for peer in ("devicemap", "numpy", "original"))
    ratio = numpy[MILLION] / ours[MILLION]
    extrapolated = (
        f" The original would take about {format_seconds(plot.quadratic(theirs, MILLION))}." if theirs else ""
    )
    return (
        f"A check of a million blocks takes {format_seconds(ours[MILLION])}, {ratio:.0f} times less than with numpy."
        f"{extrapolated} See [all benchmarks](docs/benchmarks.md)."
    )


def table(header: list[str], rows: Iterable[list[str]], text_columns: int = 1) -> str:
    """Return a Markdown table. The columns after the first ``text_columns`` are right-aligned."""
    ruler = ["---" if column < text_columns else "---:" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ruler, *rows])


def cells(run: Run, job: str, on: str, peers: list[str]) -> list[str]:
    """Return a row with the kind of map and the time of each peer, or a dash for a peer that was not measured."""
    times = [run.times(job, on, peer).get(MILLION) for peer in peers]
    return [on, *("–" if time is None else format_seconds(time) for time in times)]


def bar_cells(bar: dict[str, Any]) -> list[str]:
    """Return the row of a bar."""
    met = "met" if bar["met"] else "**missed**"
    return [bar["what"], bar["bar"], met, bar["measured"], format_seconds(bar["seconds"][0])]


def original(run: Run) -> str:
    """Return a sentence on the time of the original for a million blocks."""
    times = run.times("assert", "contiguous", "original")
    if not times:
        return "The original was not installed."
    largest = max(times)
    return (
        f"The original takes {format_seconds(times[largest])} for {largest:,} blocks. Its time is quadratic: about"
        f" {format_seconds(plot.quadratic(times, MILLION))} for a million blocks, extrapolated."
    )


def setting(run: Run) -> str:
    """Return the date, the versions and the machine."""
    packages = [f"{name} {version}" for name, version in run.machine["packages"].items()]
    cpu = run.machine["cpu"]
    machine = [cpu["brand_raw"], f"{cpu['count']} cores", f"{run.machine['system']} {run.machine['machine']}"]
    return f"Measured on {run.date}: {', '.join([run.machine['python'], *packages, *machine])}."


if __name__ == "__main__":
    main()
