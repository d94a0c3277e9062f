"""The demo of ``make demo``: balance a model, and create and check maps of a million blocks.

Run it from the root of a checkout, with `make demo` or `python -m examples.demo`. It needs devicemap and numpy. If
transformers 4 is installed, the original is timed as well.
"""

from __future__ import annotations

import io
import os
import platform
import sys
import textwrap
from collections.abc import Callable

from benches.quality.architectures import ARCHITECTURES
from benches.speed import check_peers
from benches.speed.clock import Call, format_seconds
from benches.speed.maps import DEVICES, Case, contiguous

import devicemap

BLOCKS = 1_000_000
SMALL = 4_000
"""The number of blocks with which the quadratic original is timed."""
SHOWN_BLOCKS = 3
"""The number of blocks of a message that are shown."""
WIDTH = 40

GIB = 2**30
MODEL = "Gemma-2B, untied head"
"""Half of its bytes are in the embedding and the head, which are counted with the first and the last block."""

DeviceMap = dict[int, list[int]]


def main() -> None:
    """Run the five parts of the demo."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The bars are not ASCII, and the encoding of the console may be.
        sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{bold(f'devicemap {devicemap.__version__}')}, {python}")
    balance()
    print(f"\nThe following parts use {BLOCKS:,} blocks on {DEVICES} devices.")
    device_map = make()
    check(device_map)
    show_faults()
    compare(device_map)


def balance() -> None:
    """Balance a real model, and draw the load of each device for an even and for the optimal division."""
    model = next(model for model in ARCHITECTURES if model.name == MODEL)
    devices = [f"cuda:{number}" for number in range(4)]
    heading("1. Balance", f"the {len(model.costs)} blocks of {MODEL}, {sum(model.costs) / GIB:.1f} GiB, by their bytes")
    split, best = devicemap.split(len(model.costs), devices), devicemap.balance(model.costs, devices)
    largest = max(split.load_per_device(model.costs).values())
    for name, device_map in (
        ("split, equal numbers of blocks", split),
        ("balance, the smallest possible bottleneck", best),
    ):
        loads = device_map.load_per_device(model.costs)
        print(f"   {bold(name)}: {max(loads.values()) / GIB:.2f} GiB on the fullest device")
        for device, run in device_map.items():
            filled = bar(loads[device] / largest)
            blocks = f"blocks {run.start:>2} to {run.stop - 1:>2}"
            print(f"   {device}  {filled}{dim('░' * (WIDTH - len(filled)))}  {loads[device] / GIB:.2f} GiB, {blocks}")
    print_time(Call(devicemap.balance, model.costs, devices))


def make() -> DeviceMap:
    """Create a device map, and print its runs."""
    heading("2. Create", f"get_device_map({BLOCKS:_}, range({DEVICES}))")
    device_map: DeviceMap = devicemap.get_device_map(BLOCKS, range(DEVICES))
    for device, blocks in device_map.items():
        print(f"   device {device}   blocks {blocks[0]:>7,} to {blocks[-1]:>7,}")
    print_time(Call(devicemap.get_device_map, BLOCKS, range(DEVICES)))
    return device_map


def check(device_map: DeviceMap) -> None:
    """Check the device map."""
    heading("3. Check", f"assert_device_map(device_map, {BLOCKS:_})")
    devicemap.assert_device_map(device_map, BLOCKS)
    print("   Each block is assigned to exactly one device.")
    print_time(Call(devicemap.assert_device_map, device_map, BLOCKS))


def show_faults() -> None:
    """Print the errors for three kinds of faults on device 3, and the report on all of them."""
    heading("4. Find faults", "the original's messages, shortened, and a report")
    for fault, change in FAULTS.items():
        broken = contiguous(BLOCKS, DEVICES)
        change(broken[3])
        message = check_peers.error_text(devicemap.assert_device_map, Case(broken, BLOCKS))
        print(f"   {bold(fault)}")
        lines = textwrap.wrap(shortened(str(message)), 96)
        print(textwrap.indent("\n".join(lines), "     "))
        print_time(Call(check_peers.error_text, devicemap.assert_device_map, Case(broken, BLOCKS)))
    broken = contiguous(BLOCKS, DEVICES)
    for change in FAULTS.values():
        change(broken[3])
    print(f"   {bold('All of these faults')}, {dim('reported by devicemap.check')}")
    print(textwrap.indent(str(devicemap.check(broken, BLOCKS)), "     "))
    print_time(Call(devicemap.check, broken, BLOCKS))


def _repeat(blocks: list[int]) -> None:
    blocks.extend(range(15))


def _lose(blocks: list[int]) -> None:
    del blocks[1000:1015]


def _overshoot(blocks: list[int]) -> None:
    blocks.extend(range(BLOCKS, BLOCKS + 15))


FAULTS: dict[str, Callable[[list[int]], None]] = {
    "Device 3 also has 15 blocks of device 0": _repeat,
    "Device 3 lacks 15 of its blocks": _lose,
    "Device 3 has 15 blocks that the model does not have": _overshoot,
}


def compare(device_map: DeviceMap) -> None:
    """Time the check and its peers, and draw the medians."""
    heading("5. Compare", "the check and its peers")
    times = {}
    for name, peer in check_peers.CHECKS.items():
        progress(f"   timing {name} …")
        times[name] = Call(peer, device_map, BLOCKS).median_seconds()
    progress("")
    fastest, slowest = times["devicemap"], max(times.values())
    for name in sorted(times, key=times.__getitem__):
        line = f"   {name:<10} {format_seconds(times[name]):>8}  {bar(times[name] / slowest)}"
        print(bold(line) if name == "devicemap" else f"{line}  {times[name] / fastest:.0f} × as long")
    print(f"\n{textwrap.indent(about_the_original(), '   ')}")


def about_the_original() -> str:
    """Return why the original is not timed with a million blocks, with an extrapolation if it is installed."""
    original = check_peers.original()
    if original is None:
        return (
            "The original is not included: its time is quadratic, which is hours for a million blocks.\n"
            "`make bench` measures it with fewer blocks."
        )
    progress("   timing the original at a small size …")
    seconds = Call(original.check, contiguous(SMALL, DEVICES), SMALL).seconds()
    progress("")
    return (
        f"The original is not included: its time is quadratic. {SMALL:,} blocks take {format_seconds(seconds)};\n"
        f"extrapolated, a million blocks would take {format_seconds(seconds * (BLOCKS / SMALL) ** 2)}."
    )


def print_time(call: Call) -> None:
    """Print the median time of a call."""
    print(f"   {dim('time')} {format_seconds(call.median_seconds())}")


def shortened(message: str) -> str:
    """Return a message with only the first blocks of its list."""
    text, _, listed = message.partition("[")
    blocks = listed.rstrip("]").split(", ")
    if len(blocks) <= SHOWN_BLOCKS:
        return message
    return f"{text}[{', '.join(blocks[:SHOWN_BLOCKS])}, … and {len(blocks) - SHOWN_BLOCKS} more]"


def bar(fraction: float) -> str:
    """Return a bar whose length is a fraction of the widest bar, in eighths of a character."""
    eighths = max(1, round(fraction * WIDTH * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].rstrip()


def heading(title: str, what: str) -> None:
    """Print the heading of a part."""
    print(f"\n{bold(title)}   {dim(what)}")


def progress(line: str) -> None:
    """Print a progress message. On a terminal it replaces the previous one."""
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="", flush=True)
    elif line:
        print(line)


def bold(text: str) -> str:
    """Return the text in bold on a terminal."""
    return _styled(text, 1)


def dim(text: str) -> str:
    """Return the text in faint style on a terminal."""
    return _styled(text, 2)


def _styled(text: str, code: int) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


if __name__ == "__main__":
    main()
