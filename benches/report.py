"""The report: writes the README's section and the plot from a run of the benchmarks.

Usage: ``python -m benches.report RUN.json``, the file that ``pytest benches --benchmark-json=RUN.json`` has written.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benches.quality import placement
from benches.speed import plot
from benches.speed.clock import written
from benches.speed.maps import BAD, GOOD

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
MILLION = 1_000_000
CHECKS = ["devicemap", "numpy", "sort", "set", "Counter"]
MAKES = ["devicemap", "original", "list(range(n))"]

PICTURE = """\
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="benches/speed/plot-dark.svg">
  <img alt="Time to check a device map against its blocks, devicemap and its peers" src="benches/speed/plot-light.svg">
</picture>"""
NOT_MEASURED = (
    "set, sort and Counter are checks in plain Python; numpy is `fromiter` and `bincount`, lists converted."
    " Not measured: other machines, memory, several threads, and blocks other than plain ints. Calls are repeated, so"
    " the caches are warm: the first call after other work takes longer, and the lead over the peers is smaller there."
    " The ratios carry over to another machine better than the times do."
)


class Run:
    """What one run of the benchmarks has measured."""

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
        """The median seconds of a peer by number of blocks."""
        return self._times.get((job, on, peer), {})


def main() -> None:
    """Write the plots and the section."""
    run = Run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    contiguous = {peer: run.times("assert", "contiguous", peer) for peer in [*CHECKS, "original"]}
    measured = {peer: times for peer, times in contiguous.items() if times}
    plot.draw(measured, HERE / "speed" / "plot-light.svg", plot.LIGHT)
    plot.draw(measured, HERE / "speed" / "plot-dark.svg", plot.DARK)

    fill("bench", section(run))
    fill("placement", f"{placement.section(run.placements)} {measured_by(run)}")

    for bar in run.bars:
        print(f"{bar['what']:22} {bar['bar']:42} {bar['measured']:>9}  {'met' if bar['met'] else 'MISSED'}")
    print(f"{sum(bar['met'] for bar in run.bars)} of {len(run.bars)} bars met")


def fill(name: str, text: str) -> None:
    """Write a part of the README between its two marks."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = README.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if found and closed:
        README.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
    else:
        print(f"README.md has no {begin} … {end} to write between: left as it is")


def section(run: Run) -> str:
    """The README's part on speed, in Markdown."""
    return "\n\n".join(
        [
            PICTURE,
            "`assert_device_map`, 1,000,000 blocks over 8 devices, median times:",
            table(["map", *CHECKS], (cells(run, "assert", kind, CHECKS) for kind in [*GOOD, *BAD])),
            original(run),
            "`get_device_map`, 1,000,000 blocks:",
            table(["map", *MAKES], (cells(run, "get", on, MAKES) for on in ("8 devices", "one block a device"))),
            "<details>\n<summary>The bars: ratios, the two measured side by side in one run</summary>",
            table(
                ["", "bar", "", "measured", "a call"],
                (
                    [
                        bar["what"],
                        bar["bar"],
                        "met" if bar["met"] else "**missed**",
                        bar["measured"],
                        written(bar["seconds"][0]),
                    ]
                    for bar in run.bars
                ),
                words=3,
            ),
            "</details>",
            f"{NOT_MEASURED} {measured_by(run)}",
        ]
    )


def table(header: list[str], rows: Iterable[list[str]], words: int = 1) -> str:
    """A Markdown table: first so many columns of words, then figures, which stand on the right."""
    ruler = ["---" if column < words else "---:" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ruler, *rows])


def cells(run: Run, job: str, on: str, peers: list[str]) -> list[str]:
    """One row: the kind of map and each peer's time on it, a dash for a peer without a number."""
    times = [run.times(job, on, peer).get(MILLION) for peer in peers]
    return [on, *("–" if time is None else written(time) for time in times)]


def original(run: Run) -> str:
    """What is known of the original at a million blocks."""
    times = run.times("assert", "contiguous", "original")
    if not times:
        return "The original was not there to be measured."
    largest = max(times)
    return (
        f"The original takes {written(times[largest])} for {largest:,} blocks and grows with their square: about"
        f" {written(plot.quadratic(times, MILLION))} for a million, extrapolated."
    )


def measured_by(run: Run) -> str:
    """The command, the day, the versions and the machine."""
    packages = [f"{name} {version}" for name, version in run.machine["packages"].items()]
    cpu = run.machine["cpu"]
    machine = [cpu["brand_raw"], f"{cpu['count']} cores", f"{run.machine['system']} {run.machine['machine']}"]
    setting = ", ".join([run.machine["python"], *packages, *machine])
    return f"Measured by `make bench` on {run.date}: {setting}."


if __name__ == "__main__":
    main()
