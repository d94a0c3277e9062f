"""Plot the time of each implementation against the number of blocks, in a light and a dark theme."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benches.speed.clock import format_seconds

Times = dict[int, float]
"""Times in seconds, by number of blocks."""


@dataclass(frozen=True)
class Theme:
    """The colours of a theme."""

    title: str
    labels: str
    grid: str
    implementations: dict[str, str]


LIGHT = Theme(
    title="#1f2328",
    labels="#59636e",
    grid="#d1d9e0",
    implementations={
        "devicemap": "#0969da",
        "numpy": "#1a7f37",
        "sort": "#8250df",
        "set": "#9a6700",
        "Counter": "#bf3989",
        "original": "#cf222e",
    },
)
DARK = Theme(
    title="#f0f6fc",
    labels="#9198a1",
    grid="#3d444d",
    implementations={
        "devicemap": "#4493f8",
        "numpy": "#3fb950",
        "sort": "#ab7df8",
        "set": "#d29922",
        "Counter": "#db61a2",
        "original": "#f85149",
    },
)
TICKS = {1e-7: "100 ns", 1e-6: "1 µs", 1e-3: "1 ms", 1.0: "1 s", 60.0: "1 min", 3600.0: "1 h"}
MIN_LABEL_DISTANCE = 0.52
"""The smallest vertical distance between two labels, as a difference of decimal logarithms of times."""


def draw(times: dict[str, Times], path: Path, theme: Theme) -> None:
    """Draw the median times of each implementation. Times of the original are extrapolated as a dashed line."""
    with mpl.rc_context({"font.size": 11, "svg.hashsalt": "devicemap"}):
        figure = Figure(figsize=(8.6, 5.4))
        axes = figure.add_axes((0.085, 0.11, 0.69, 0.75))
        block_counts = sorted(times["devicemap"])
        last = block_counts[-1]
        end_times = {name: _draw_line(axes, name, measured, last, theme) for name, measured in times.items()}
        _draw_labels(axes, end_times, times, last, theme)
        _format_axes(axes, block_counts, theme)
        figure.text(0.085, 0.945, "Time to check a device map", color=theme.title, fontsize=15, weight="bold")
        figure.text(
            0.085,
            0.9,
            "assert_device_map, a contiguous map on 8 devices without faults",
            color=theme.labels,
            fontsize=11,
        )
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})


def extrapolate_quadratically(times: Times, num_blocks: int) -> float:
    """Extrapolate quadratically from the time measured on the largest map, and return the time in seconds."""
    largest = max(times)
    return times[largest] * (num_blocks / largest) ** 2


def _draw_line(axes: Axes, name: str, times: Times, last: int, theme: Theme) -> float:
    """Draw the line of an implementation up to ``last`` blocks, and return the time at its end."""
    block_counts = sorted(times)
    is_ours = name == "devicemap"
    colour, width, zorder = theme.implementations[name], 3.0 if is_ours else 1.7, 4 if is_ours else 3
    seconds = [times[count] for count in block_counts]
    axes.plot(block_counts, seconds, "o-", color=colour, linewidth=width, markersize=width + 2, zorder=zorder)
    if block_counts[-1] == last:
        return times[last]
    end_time = extrapolate_quadratically(times, last)
    axes.plot([block_counts[-1], last], [seconds[-1], end_time], "--", color=colour, linewidth=width, zorder=zorder)
    return end_time


def _draw_labels(axes: Axes, end_times: dict[str, float], times: dict[str, Times], last: int, theme: Theme) -> None:
    """Label the end of each line with the name and the time. Labels that would overlap are moved apart."""
    names = sorted(end_times, key=end_times.__getitem__)
    heights = [log10(end_times[name]) for name in names]
    # Each pass moves overlapping neighbours apart; the number of passes suffices for all of them.
    for _ in range(100):
        for i in range(len(heights) - 1):
            overlap = MIN_LABEL_DISTANCE - (heights[i + 1] - heights[i])
            if overlap > 0:
                heights[i] -= overlap / 2
                heights[i + 1] += overlap / 2
    for name, height in zip(names, heights, strict=True):
        colour = theme.implementations[name]
        label = f"{name}  {format_seconds(end_times[name])}"
        axes.annotate(
            label if last in times[name] else f"{label}\nextrapolated",
            (last, end_times[name]),
            (last * 1.9, 10**height),
            color=colour,
            weight="bold" if name == "devicemap" else "normal",
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4},
        )


def _format_axes(axes: Axes, block_counts: list[int], theme: Theme) -> None:
    """Format the axes: the measured numbers of blocks on x, times with units on y."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xticks(block_counts, [f"{count:,}" for count in block_counts])
    axes.set_yticks(list(TICKS), list(TICKS.values()))
    axes.set_xlabel("blocks", color=theme.labels)
    axes.tick_params(colors=theme.labels, length=0, pad=6)
    axes.grid(color=theme.grid, linewidth=0.6)
    for side in axes.spines.values():
        side.set_visible(False)
