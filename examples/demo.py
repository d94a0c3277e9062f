"""The demo behind ``make demo``: a balanced map as a picture; a million blocks mapped, checked, broken and timed.

It needs devicemap and numpy; the original joins in, at a size that it can do, where transformers 4 is installed.
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
from benches.speed.clock import Call, written
from benches.speed.maps import DEVICES, Case, contiguous

import devicemap

BLOCKS = 1_000_000
SMALL = 4_000
"""What the quadratic original is timed with."""
NAMED = 3
"""How many blocks of a message's list are shown."""
WIDTH = 40

GIB = 2**30
MODEL = "Gemma-2B, untied head"
"""Half of it is in the embedding and the head, which count for the first and the last block."""

DeviceMap = dict[int, list[int]]


def main() -> None:
    """Run the five acts."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The bars are no ASCII, whatever the console takes itself for.
        sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{bold(f'devicemap {devicemap.__version__}')}, {python}")
    balance()
    print(f"\nAnd {BLOCKS:,} blocks over {DEVICES} devices:")
    device_map = make()
    check(device_map)
    break_it()
    race(device_map)


def balance() -> None:
    """Balance a real model, and draw what each device carries beside an even split."""
    model = next(model for model in ARCHITECTURES if model.name == MODEL)
    devices = [f"cuda:{number}" for number in range(4)]
    heading(
        "1. Balance it", f"the {len(model.costs)} blocks of {MODEL}, {sum(model.costs) / GIB:.1f} GiB, by their bytes"
    )
    split, best = devicemap.split(len(model.costs), devices), devicemap.balance(model.costs, devices)
    largest = max(split.load_per_device(model.costs).values())
    for name, device_map in (
        ("split, as many blocks on each", split),
        ("balance, the smallest bottleneck there is", best),
    ):
        loads = device_map.load_per_device(model.costs)
        print(f"   {bold(name)}: the fullest device holds {max(loads.values()) / GIB:.2f} GiB")
        for device, run in device_map.items():
            filled = bar(loads[device] / largest)
            blocks = f"blocks {run.start:>2} to {run.stop - 1:>2}"
            print(f"   {device}  {filled}{dim('░' * (WIDTH - len(filled)))}  {loads[device] / GIB:.2f} GiB, {blocks}")
    took(Call(devicemap.balance, model.costs, devices))


def make() -> DeviceMap:
    """Make the device map, and show it."""
    heading("2. Make it", f"get_device_map({BLOCKS:_}, range({DEVICES}))")
    device_map: DeviceMap = devicemap.get_device_map(BLOCKS, range(DEVICES))
    for device, blocks in device_map.items():
        print(f"   device {device}   blocks {blocks[0]:>7,} to {blocks[-1]:>7,}")
    took(Call(devicemap.get_device_map, BLOCKS, range(DEVICES)))
    return device_map


def check(device_map: DeviceMap) -> None:
    """Check the device map."""
    heading("3. Check it", f"assert_device_map(device_map, {BLOCKS:_})")
    devicemap.assert_device_map(device_map, BLOCKS)
    print("   Every block is on exactly one device.")
    took(Call(devicemap.assert_device_map, device_map, BLOCKS))


def break_it() -> None:
    """Break the device map in three ways, each a change to device 3, then in all at once; show what is said of it."""
    heading("4. Break it", "the original's messages, their lists cut short; then a report")
    for fault, change in BREAKS.items():
        broken = contiguous(BLOCKS, DEVICES)
        change(broken[3])
        message = check_peers.verdict(devicemap.assert_device_map, Case(broken, BLOCKS))
        print(f"   {bold(fault)}")
        lines = textwrap.wrap(shortened(str(message)), 96)
        print(textwrap.indent("\n".join(lines), "     "))
        took(Call(check_peers.verdict, devicemap.assert_device_map, Case(broken, BLOCKS)))
    broken = contiguous(BLOCKS, DEVICES)
    for change in BREAKS.values():
        change(broken[3])
    print(f"   {bold('All of that at once')}, {dim('by devicemap.check')}")
    print(textwrap.indent(str(devicemap.check(broken, BLOCKS)), "     "))
    took(Call(devicemap.check, broken, BLOCKS))


def _repeat(blocks: list[int]) -> None:
    blocks.extend(range(15))


def _lose(blocks: list[int]) -> None:
    del blocks[1000:1015]


def _overshoot(blocks: list[int]) -> None:
    blocks.extend(range(BLOCKS, BLOCKS + 15))


BREAKS: dict[str, Callable[[list[int]], None]] = {
    "Device 3 takes 15 blocks of device 0 as well": _repeat,
    "Device 3 loses 15 of its blocks": _lose,
    "Device 3 gets 15 blocks that the model does not have": _overshoot,
}


def race(device_map: DeviceMap) -> None:
    """Time every peer that can keep up, in turn, and draw the medians."""
    heading("5. Time it", "the check beside its peers")
    times = {}
    for name, peer in check_peers.CHECKS.items():
        progress(f"   timing {name} …")
        times[name] = Call(peer, device_map, BLOCKS).turn()
    progress("")
    fastest, slowest = times["devicemap"], max(times.values())
    for name in sorted(times, key=times.__getitem__):
        line = f"   {name:<10} {written(times[name]):>8}  {bar(times[name] / slowest)}"
        print(bold(line) if name == "devicemap" else f"{line}  {times[name] / fastest:.0f} × as long")
    print(f"\n{textwrap.indent(of_the_original(), '   ')}")


def of_the_original() -> str:
    """Why the original is not among them, with a figure where it can be measured."""
    original = check_peers.original()
    if original is None:
        return (
            "The original is left out: it compares every block with every other, a million times a million\n"
            "comparisons, which is hours. It is in `make bench`."
        )
    progress("   timing the original at a small size …")
    seconds = Call(original.check, contiguous(SMALL, DEVICES), SMALL).seconds()
    progress("")
    return (
        "The original is left out: it compares every block with every other."
        f" {SMALL:,} blocks took it {written(seconds)} just\n"
        f"now; extrapolated with the square, a million would take {written(seconds * (BLOCKS / SMALL) ** 2)}."
    )


def took(call: Call) -> None:
    """Print the median time of a call."""
    print(f"   {dim('took')} {written(call.turn())}")


def shortened(message: str) -> str:
    """A message with only the first blocks of its list."""
    words, _, listed = message.partition("[")
    blocks = listed.rstrip("]").split(", ")
    if len(blocks) <= NAMED:
        return message
    return f"{words}[{', '.join(blocks[:NAMED])}, … and {len(blocks) - NAMED} more]"


def bar(share: float) -> str:
    """A share of the widest bar, to the eighth of a character."""
    eighths = max(1, round(share * WIDTH * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].rstrip()


def heading(title: str, what: str) -> None:
    """Open an act."""
    print(f"\n{bold(title)}   {dim(what)}")


def progress(line: str) -> None:
    """Say what is going on: on a terminal in one line that the next one takes the place of."""
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="", flush=True)
    elif line:
        print(line)


def bold(text: str) -> str:
    """Bold on a terminal."""
    return _styled(text, 1)


def dim(text: str) -> str:
    """Faint on a terminal."""
    return _styled(text, 2)


def _styled(text: str, code: int) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


if __name__ == "__main__":
    main()
