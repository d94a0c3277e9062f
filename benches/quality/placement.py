"""Compare the bottlenecks of devicemap and its peers for real architectures on equal devices.

Usage: ``python -m benches.quality.placement`` prints the section of the report.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from benches.quality import balance_peers
from benches.quality.architectures import ARCHITECTURES, Architecture

DEVICE_COUNTS = (2, 4, 8)
COLUMNS = ["devicemap", "accelerate", "DeepSpeed", "DeepSpeed uniform", "torchgpipe"]
"""The columns of the table: devicemap and its peers."""
RECORDED_MARK = "¹"
"""The mark of a result that was not measured in this run."""

EXPLANATION = (
    "The parts that are placed, whole and in order, are the embedding, each decoder block, the final norm and the"
    " head, in bfloat16. The optimum is computed by dynamic programming over all partitions. Gemma-2B and GPT-2 XL"
    " use the embedding as the head, which is counted once, on the device of the embedding. In Gemma-2B with an untied"
    " head, the last part is a copy of the embedding, which is what pipelines do with a tied head on another device."
    " accelerate is `get_balanced_memory` and"
    ' `infer_auto_device_map`, as called by `from_pretrained(device_map="balanced")`, without memory limits;'
    " DeepSpeed is `partition_balanced` and `partition_uniform`; torchgpipe is `solve`. Not all of them aim at the"
    " optimum: accelerate keeps memory free on the first device for offloading, `partition_balanced` minimises the"
    " difference between the largest and the smallest load, `partition_uniform` ignores costs, and `solve` is an"
    " approximation."
)


@dataclass(frozen=True)
class Row:
    """The bytes on each device for an architecture on a number of equal devices, by peer."""

    architecture: str
    num_devices: int
    optimum: int
    """The smallest possible bottleneck in bytes."""
    loads: dict[str, list[int] | None]
    """The bytes on each device, by column of the table. None means that the peer has no result."""
    recorded_peers: list[str]
    """The peers that are not installed, for which recorded results are used."""

    def ratio(self, peer: str) -> float | None:
        """Return the bottleneck of a peer divided by the optimum."""
        loads = self.loads[peer]
        return None if loads is None else max(loads) / self.optimum

    def cell(self, peer: str) -> str:
        """Return the ratio with two decimals, and the number of idle devices if there are any."""
        ratio, loads = self.ratio(peer), self.loads[peer]
        if ratio is None or loads is None:
            return "–"
        num_idle = loads.count(0)
        mark = RECORDED_MARK if peer in self.recorded_peers else ""
        return f"{ratio:.2f}{mark}" + (f" ({num_idle} idle)" if num_idle else "")


def measure_all() -> list[Row]:
    """Place each architecture on each number of devices."""
    return [measure(architecture, num_devices) for architecture in ARCHITECTURES for num_devices in DEVICE_COUNTS]


def measure(architecture: Architecture, num_devices: int) -> Row:
    """Place an architecture with each peer."""
    costs = list(architecture.parts.values())
    accelerate = balance_peers.accelerate()
    recorded_counts = balance_peers.ACCELERATE_RESULTS[architecture.name][num_devices]
    functions: dict[str, balance_peers.Balance | None] = {
        "devicemap": balance_peers.balance,
        "accelerate": lambda _, num: accelerate(architecture, num) if accelerate else recorded_counts,
        "DeepSpeed": balance_peers.deepspeed_balanced(),
        "DeepSpeed uniform": balance_peers.deepspeed_uniform(),
        "torchgpipe": balance_peers.torchgpipe(),
    }
    loads = {}
    for peer, function in functions.items():
        counts = function and function(costs, num_devices)
        loads[peer] = counts and load_per_device(costs, counts, num_devices)
    optimum = balance_peers.optimum(costs, num_devices)
    return Row(architecture.name, num_devices, optimum, loads, [] if accelerate else ["accelerate"])


def load_per_device(costs: Sequence[int], counts: Sequence[int], num_devices: int) -> list[int]:
    """Return the total cost of the parts on each device, given the number of parts on each device."""
    if len(counts) != num_devices or sum(counts) != len(costs):
        raise RuntimeError(f"{counts} does not place {len(costs)} parts on {num_devices} devices")
    return [sum(costs[start:end]) for start, end in pairwise([0, *accumulate(counts)])]


def section(measured: Iterable[dict[str, Any]]) -> str:
    """Return the section of the report, from the attributes of each row in the JSON of ``make bench``."""
    rows = [Row(**row) for row in measured]
    optimal_peers = [peer for peer in COLUMNS[1:] if all(f"{row.ratio(peer) or 0:.2f}" == "1.00" for row in rows)]
    parts = [
        "The weights on the fullest device decide whether a model fits. The table shows its bytes divided by the"
        " smallest possible number, so that 1.00 is the optimum"
        + (f". Besides devicemap, {', '.join(optimal_peers)} reached it in all cases:" if optimal_peers else ":"),
        markdown_table(rows),
        EXPLANATION,
    ]
    if any(row.recorded_peers for row in rows):
        version = balance_peers.ACCELERATE_VERSION
        parts[-1] += f" {RECORDED_MARK} not installed in this run: recorded results of accelerate {version}."
    return "\n\n".join(parts)


def markdown_table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [["architecture", "devices", *COLUMNS], ["---", "---:", *("---:" for _ in COLUMNS)]]
    lines += [[row.architecture, str(row.num_devices), *(row.cell(peer) for peer in COLUMNS)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def versions() -> dict[str, str]:
    """Return the versions of the installed packages on which the results depend."""
    installed = {}
    for name in ("devicemap", "numpy", "accelerate", "deepspeed", "torchgpipe", "torch", "transformers"):
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def main() -> None:
    """Measure all architectures and print the section."""
    print(section(vars(row) for row in measure_all()))
    print("\n" + ", ".join(f"{name} {version}" for name, version in versions().items()))


if __name__ == "__main__":
    main()
