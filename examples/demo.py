"""The demo of ``make demo``: read and balance models, and create and check maps of a million blocks.

Run it from the root of a checkout, with `make demo` or `python -m examples.demo`. It needs devicemap and NumPy. If
transformers 4 is installed, the original is timed as well.
"""

from __future__ import annotations

import io
import os
import platform
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

from benches.quality.architectures import ARCHITECTURES
from benches.speed import check_peers
from benches.speed.clock import Call, format_seconds
from benches.speed.maps import NUM_DEVICES, Case, contiguous
from tests.models import real_headers

import devicemap

NUM_BLOCKS = 1_000_000
ORIGINAL_NUM_BLOCKS = 4_000
"""The number of blocks for which the original is timed, since its time is quadratic."""
MAX_SHOWN_BLOCKS = 3
"""The largest number of blocks of an error message that are shown."""
BAR_WIDTH = 40
"""The number of characters of the longest bar."""

GIB = 2**30
MODEL = "Gemma-2B, untied head"
"""Half of its bytes are in the embedding and the head, which are counted with the first and the last block."""

ListMap = dict[int, list[int]]


def main() -> None:
    """Show the six parts of the demo."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The encoding of the console may lack the block characters that the bars of the charts consist of.
        sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{bold(f'devicemap {devicemap.__version__}')}, {python}")
    show_model()
    show_balance()
    print(f"\nThe following parts use {NUM_BLOCKS:,} blocks on {NUM_DEVICES} devices.")
    device_map = show_creation()
    show_check(device_map)
    show_faults()
    show_comparison(device_map)


def show_model() -> None:
    """Create the folder of a model without its weights, read it, and place it on two devices."""
    heading("1. Read", "the headers of Mixtral-8x7B: 995 tensors in 19 files, without the weights")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Mixtral-8x7B-v0.1"
        real_headers.write_safetensors_folder(
            path, real_headers.mixtral_8x7b_tensors(), real_headers.MIXTRAL_8X7B, num_shards=19
        )
        model = devicemap.Model.from_pretrained(path)
        print(textwrap.indent(str(model), "   "))
        memory = {"cuda:0": "22GiB", "cuda:1": "76GiB"}
        sizes = model.sizes()
        device_map = devicemap.balance(
            sizes, list(memory), speeds={"cuda:0": 22, "cuda:1": 76}, sizes=sizes, max_memory=memory
        )
        for device, load in device_map.load_per_device(sizes).items():
            print(f"   {device}  {len(device_map[device]):>2} blocks, {load / GIB:.1f} GiB of {memory[device]}")
        print_time(Call(lambda path, _: devicemap.Model.from_pretrained(path), path, None))


def show_balance() -> None:
    """Balance a real model, and draw the load of each device for equal numbers of blocks and for the optimum."""
    model = next(model for model in ARCHITECTURES if model.name == MODEL)
    devices = [f"cuda:{number}" for number in range(4)]
    heading("2. Balance", f"the {len(model.costs)} blocks of {MODEL}, {sum(model.costs) / GIB:.1f} GiB, by their bytes")
    split, balanced = devicemap.split(len(model.costs), devices), devicemap.balance(model.costs, devices)
    largest_load = max(split.load_per_device(model.costs).values())
    for title, device_map in (
        ("split, equal numbers of blocks", split),
        ("balance, the smallest possible bottleneck", balanced),
    ):
        loads = device_map.load_per_device(model.costs)
        print(f"   {bold(title)}: {max(loads.values()) / GIB:.2f} GiB on the fullest device")
        for device, run in device_map.items():
            load_bar = bar(loads[device] / largest_load)
            background = dim("░" * (BAR_WIDTH - len(load_bar)))
            blocks = f"blocks {run.start:>2} to {run.stop - 1:>2}"
            print(f"   {device}  {load_bar}{background}  {loads[device] / GIB:.2f} GiB, {blocks}")
    print_time(Call(devicemap.balance, model.costs, devices))


def show_creation() -> ListMap:
    """Create a device map, and print its runs."""
    heading("3. Create", f"get_device_map({NUM_BLOCKS:_}, range({NUM_DEVICES}))")
    device_map: ListMap = devicemap.get_device_map(NUM_BLOCKS, range(NUM_DEVICES))
    for device, blocks in device_map.items():
        print(f"   device {device}   blocks {blocks[0]:>7,} to {blocks[-1]:>7,}")
    print_time(Call(devicemap.get_device_map, NUM_BLOCKS, range(NUM_DEVICES)))
    return device_map


def show_check(device_map: ListMap) -> None:
    """Check the device map."""
    heading("4. Check", f"assert_device_map(device_map, {NUM_BLOCKS:_})")
    devicemap.assert_device_map(device_map, NUM_BLOCKS)
    print("   Each block is assigned to exactly one device.")
    print_time(Call(devicemap.assert_device_map, device_map, NUM_BLOCKS))


def show_faults() -> None:
    """Print the errors for three kinds of faults on device 3, and the report on all of them."""
    heading("5. Find faults", "the original's messages, shortened, and a report")
    for title, add_fault in FAULTS.items():
        device_map = contiguous(NUM_BLOCKS, NUM_DEVICES)
        add_fault(device_map[3])
        case = Case(device_map, NUM_BLOCKS)
        message = check_peers.error_message(devicemap.assert_device_map, case)
        print(f"   {bold(title)}")
        lines = textwrap.wrap(shorten_blocks(str(message)), 96)
        print(textwrap.indent("\n".join(lines), "     "))
        print_time(Call(check_peers.error_message, devicemap.assert_device_map, case))
    device_map = contiguous(NUM_BLOCKS, NUM_DEVICES)
    for add_fault in FAULTS.values():
        add_fault(device_map[3])
    print(f"   {bold('All of these faults')}, {dim('reported by devicemap.check')}")
    print(textwrap.indent(str(devicemap.check(device_map, NUM_BLOCKS)), "     "))
    print_time(Call(devicemap.check, device_map, NUM_BLOCKS))


def _add_duplicates(blocks: list[int]) -> None:
    blocks.extend(range(15))


def _remove_blocks(blocks: list[int]) -> None:
    del blocks[1000:1015]


def _add_extra_blocks(blocks: list[int]) -> None:
    blocks.extend(range(NUM_BLOCKS, NUM_BLOCKS + 15))


FAULTS: dict[str, Callable[[list[int]], None]] = {
    "Device 3 also has 15 blocks of device 0": _add_duplicates,
    "Device 3 lacks 15 of its blocks": _remove_blocks,
    "Device 3 has 15 blocks that the model does not have": _add_extra_blocks,
}


def show_comparison(device_map: ListMap) -> None:
    """Time the check and its peers, and draw the medians."""
    heading("6. Compare", "the check and its peers")
    times = {}
    for name, check in check_peers.CHECKS.items():
        show_progress(f"   timing {name} …")
        times[name] = Call(check, device_map, NUM_BLOCKS).median_seconds()
    show_progress("")
    slowest = max(times.values())
    for name in sorted(times, key=times.__getitem__):
        line = f"   {name:<10} {format_seconds(times[name]):>8}  {bar(times[name] / slowest)}"
        print(bold(line) if name == "devicemap" else f"{line}  {times[name] / times['devicemap']:.0f} × as long")
    print(f"\n{textwrap.indent(note_on_the_original(), '   ')}")


def note_on_the_original() -> str:
    """Return why the original is not timed with a million blocks, with an extrapolation if it is installed."""
    original = check_peers.original()
    if original is None:
        return (
            "The original is not included: its time is quadratic, which is hours for a million blocks.\n"
            "`make bench` measures it with fewer blocks."
        )
    num_blocks = ORIGINAL_NUM_BLOCKS
    show_progress("   timing the original with fewer blocks …")
    seconds = Call(original.check, contiguous(num_blocks, NUM_DEVICES), num_blocks).mean_seconds()
    show_progress("")
    return (
        f"The original is not included: its time is quadratic. {num_blocks:,} blocks take {format_seconds(seconds)};\n"
        f"extrapolated, a million blocks would take {format_seconds(seconds * (NUM_BLOCKS / num_blocks) ** 2)}."
    )


def print_time(call: Call) -> None:
    """Print the median time of a call."""
    print(f"   {dim('time')} {format_seconds(call.median_seconds())}")


def shorten_blocks(message: str) -> str:
    """Return an error message with only the first blocks of its list."""
    text, _, block_list = message.partition("[")
    blocks = block_list.rstrip("]").split(", ")
    if len(blocks) <= MAX_SHOWN_BLOCKS:
        return message
    return f"{text}[{', '.join(blocks[:MAX_SHOWN_BLOCKS])}, … and {len(blocks) - MAX_SHOWN_BLOCKS} more]"


def bar(fraction: float) -> str:
    """Return a bar whose length is a fraction of that of the longest bar, rounded to eighths of a character."""
    eighths = max(1, round(fraction * BAR_WIDTH * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].rstrip()


def heading(title: str, description: str) -> None:
    """Print the heading of a part."""
    print(f"\n{bold(title)}   {dim(description)}")


def show_progress(line: str) -> None:
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
