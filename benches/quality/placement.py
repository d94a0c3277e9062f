"""How heavy the heaviest device gets: real architectures over equal devices, devicemap and its peers.

Usage: ``python -m benches.quality.placement`` measures, and prints the table that the report writes into the README.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from benches.quality import balance_peers
from benches.quality.architectures import ARCHITECTURES, Architecture

DEVICES = (2, 4, 8)
PEERS = ["devicemap", "accelerate", "DeepSpeed", "DeepSpeed uniform", "torchgpipe"]
RECORDED = "¹"
"""The mark of a figure that was not measured in this run."""

EXPLAINED = (
    "What is placed, whole and in order, is the embedding, each decoder block, the last norm and the head, in bfloat16."
    " The optimum is found by trying every end of every run. Gemma-2B and GPT-2 XL use the embedding as the head"
    " too: it counts once, where the embedding is; with an untied head it counts at both ends, as in a pipeline whose"
    " last stage holds a copy. accelerate is `get_balanced_memory` and `infer_auto_device_map`, as"
    ' `from_pretrained(device_map="balanced")` calls them, with memory enough everywhere; DeepSpeed is'
    " `partition_balanced` and `partition_uniform`; torchgpipe is `solve`. Not all of them seek the optimum: accelerate"
    " keeps room on the first device for offloading, `partition_balanced` seeks the smallest difference between the"
    " largest load and the smallest, `partition_uniform` looks at no cost, and `solve` is an approximation."
)


@dataclass(frozen=True)
class Row:
    """An architecture over so many equal devices: the bytes on each of them, by peer."""

    architecture: str
    devices: int
    optimum: int
    """The smallest that the bytes of the heaviest device can be."""
    loads: dict[str, list[int] | None]
    recorded: list[str]
    """The peers that are not installed, for which an earlier run's figures stand in."""

    def ratio(self, peer: str) -> float | None:
        """The heaviest device's bytes over what they have to be."""
        loads = self.loads[peer]
        return None if loads is None else max(loads) / self.optimum

    def cell(self, peer: str) -> str:
        """The ratio as the table has it, with the number of devices that hold nothing."""
        ratio, loads = self.ratio(peer), self.loads[peer]
        if ratio is None or loads is None:
            return "–"
        idle = loads.count(0)
        mark = RECORDED if peer in self.recorded else ""
        return f"{ratio:.2f}{mark}" + (f" ({idle} idle)" if idle else "")


def rows() -> list[Row]:
    """Measure everything."""
    return [measure(architecture, devices) for architecture in ARCHITECTURES for devices in DEVICES]


def measure(architecture: Architecture, devices: int) -> Row:
    """Let every peer that is installed cut one architecture."""
    costs = list(architecture.pieces.values())
    accelerate = balance_peers.accelerate()
    recorded = balance_peers.ACCELERATE[architecture.name][devices]
    by_costs: dict[str, balance_peers.Balance | None] = {
        "devicemap": balance_peers.ours,
        "accelerate": lambda _, devices: accelerate(architecture, devices) if accelerate else recorded,
        "DeepSpeed": balance_peers.deepspeed_balanced(),
        "DeepSpeed uniform": balance_peers.deepspeed_uniform(),
        "torchgpipe": balance_peers.torchgpipe(),
    }
    counts = {peer: balance and balance(costs, devices) for peer, balance in by_costs.items()}
    return Row(
        architecture.name,
        devices,
        balance_peers.optimum(costs, devices),
        {peer: count and loads(costs, count, devices) for peer, count in counts.items()},
        [] if accelerate else ["accelerate"],
    )


def loads(costs: Sequence[int], counts: Sequence[int], devices: int) -> list[int]:
    """The cost on each device, from how many of the costs each has, in order."""
    if len(counts) != devices or sum(counts) != len(costs):
        raise RuntimeError(f"{counts} does not cut {len(costs)} pieces over {devices} devices")
    return [sum(costs[start:end]) for start, end in pairwise([0, *accumulate(counts)])]


def section(measured: Iterable[dict[str, Any]]) -> str:
    """The README's part, in Markdown, from rows as JSON has them."""
    table = [Row(**row) for row in measured]
    best = [peer for peer in PEERS[1:] if all(f"{row.ratio(peer) or 0:.2f}" == "1.00" for row in table)]
    parts = [
        "The heaviest device's bytes over the fewest possible, 1.00 being the optimum"
        + (f", which {' and '.join(best)} reaches here as well:" if best else ":"),
        markdown(table),
        EXPLAINED,
    ]
    if any(row.recorded for row in table):
        parts[-1] += (
            f" {RECORDED} not installed in this run: as accelerate {balance_peers.ACCELERATE_VERSION} gave it before."
        )
    return "\n\n".join(parts)


def markdown(table: Iterable[Row]) -> str:
    """The table alone."""
    lines = [["architecture", "devices", *PEERS], ["---", "---:", *("---:" for _ in PEERS)]]
    lines += [[row.architecture, str(row.devices), *(row.cell(peer) for peer in PEERS)] for row in table]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def versions() -> dict[str, str]:
    """What is installed of all that the figures of a run depend on."""
    found = {}
    for name in ("devicemap", "numpy", "accelerate", "deepspeed", "torchgpipe", "torch", "transformers"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Measure and print."""
    print(section(vars(row) for row in rows()))
    print("\n" + ", ".join(f"{name} {version}" for name, version in versions().items()))


if __name__ == "__main__":
    main()
