"""Plot the time of each peer against the number of blocks, in a light and a dark theme."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benches.speed.clock import format_seconds

Times = dict[int, float]


@dataclass(frozen=True)
class Theme:
    """The colours of a theme."""

    text: str
    faint: str
    grid: str
    peers: dict[str, str]


LIGHT = Theme(
    text="#1f2328",
    faint="#59636e",
    grid="#d1d9e0",
    peers={
        "devicemap": "#0969da",
        "numpy": "#1a7f37",
        "sort": "#8250df",
        "set": "#9a6700",
        "Counter": "#bf3989",
        "original": "#cf222e",
    },
)
DARK = Theme(
    text="#f0f6fc",
    faint="#9198a1",
    grid="#3d444d",
    peers={
        "devicemap": "#4493f8",
        "numpy": "#3fb950",
        "sort": "#ab7df8",
        "set": "#d29922",
        "Counter": "#db61a2",
        "original": "#f85149",
    },
)
TICKS = {1e-7: "100 ns", 1e-6: "1 µs", 1e-3: "1 ms", 1.0: "1 s", 60.0: "1 min", 3600.0: "1 h"}
LABEL_DISTANCE = 0.52
"""The smallest distance between two labels, in decades of time."""


def draw(times: dict[str, Times], path: Path, theme: Theme) -> None:
    """Draw the median times of each peer, with the times of the original extrapolated as a dashed line."""
    with mpl.rc_context({"font.size": 11, "svg.hashsalt": "devicemap"}):
        figure = Figure(figsize=(8.6, 5.4))
        axes = figure.add_axes((0.085, 0.11, 0.69, 0.75))
        sizes = sorted(times["devicemap"])
        ends = {peer: _line(axes, peer, measured, sizes[-1], theme) for peer, measured in times.items()}
        _labels(axes, ends, times, sizes[-1], theme)
        _frame(axes, sizes, theme)
        figure.text(0.085, 0.945, "Time to check a device map", color=theme.text, fontsize=15, weight="bold")
        figure.text(
            0.085,
            0.9,
            "assert_device_map, a contiguous map on 8 devices without faults",
            color=theme.faint,
            fontsize=11,
        )
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})


def quadratic(times: Times, num_blocks: int) -> float:
    """Extrapolate the time of the largest measured map quadratically."""
    largest = max(times)
    return times[largest] * (num_blocks / largest) ** 2


def _line(axes: Axes, peer: str, times: Times, last: int, theme: Theme) -> float:
    """Draw the line of a peer, and return the time at its end."""
    sizes = sorted(times)
    ours = peer == "devicemap"
    colour, width, front = theme.peers[peer], 3.0 if ours else 1.7, 4 if ours else 3
    axes.plot(
        sizes, [times[size] for size in sizes], "o-", color=colour, linewidth=width, markersize=width + 2, zorder=front
    )
    if sizes[-1] == last:
        return times[last]
    end = quadratic(times, last)
    axes.plot([sizes[-1], last], [times[sizes[-1]], end], "--", color=colour, linewidth=width, zorder=front)
    return end


def _labels(axes: Axes, ends: dict[str, float], times: dict[str, Times], last: int, theme: Theme) -> None:
    """Label the end of each line with the name and the time. Labels that would overlap are moved apart."""
    names = sorted(ends, key=ends.__getitem__)
    heights = [log10(ends[name]) for name in names]
    for _ in range(100):
        for i in range(len(heights) - 1):
            overlap = LABEL_DISTANCE - (heights[i + 1] - heights[i])
            if overlap > 0:
                heights[i] -= overlap / 2
                heights[i + 1] += overlap / 2
    for name, height in zip(names, heights, strict=True):
        is_measured = last in times[name]
        axes.annotate(
            f"{name}  {format_seconds(ends[name])}"
            if is_measured
            else f"{name}  {format_seconds(ends[name])}\nextrapolated",
            (last, ends[name]),
            (last * 1.9, 10**height),
            color=theme.peers[name],
            weight="bold" if name == "devicemap" else "normal",
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": theme.peers[name], "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4},
        )


def _frame(axes: Axes, sizes: list[int], theme: Theme) -> None:
    """Format the axes: the measured numbers of blocks on x, times with units on y."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_yticks(list(TICKS), list(TICKS.values()))
    axes.set_xlabel("blocks", color=theme.faint)
    axes.tick_params(colors=theme.faint, length=0, pad=6)
    axes.grid(color=theme.grid, linewidth=0.6)
    for side in axes.spines.values():
        side.set_visible(False)
