"""A slow reference implementation of ``split`` by shares."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def by_definition(num_blocks: int, shares: list[Any]) -> tuple[int, ...]:
    """Return the counts of the largest-remainder method, repeated after one block for each device left empty."""
    exact = [Fraction(share) for share in shares]
    quotas = [num_blocks * share / sum(exact) for share in exact]
    counts = [int(quota) for quota in quotas]
    order = sorted(range(len(shares)), key=lambda device: counts[device] - quotas[device])
    for device in order[: num_blocks - sum(counts)]:
        counts[device] += 1
    idle = {device for device, share in enumerate(shares) if share and not counts[device]}
    if not idle or num_blocks < sum(map(bool, shares)):
        return tuple(counts)
    rest = iter(by_definition(num_blocks - len(idle), [s for device, s in enumerate(shares) if device not in idle]))
    return tuple(1 if device in idle else next(rest) for device in range(len(shares)))
