"""A slow reference implementation of ``split`` by shares."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def expected_counts(num_blocks: int, shares: list[Any]) -> tuple[int, ...]:
    """Return the number of blocks of each device by the largest-remainder method.

    If the method yields no block for a device with a share although there are enough blocks, that device gets one, and
    the method is repeated for the other devices and blocks.
    """
    exact_shares = [Fraction(share) for share in shares]
    quotas = [num_blocks * share / sum(exact_shares) for share in exact_shares]
    counts = [int(quota) for quota in quotas]
    by_descending_remainder = sorted(range(len(shares)), key=lambda device: counts[device] - quotas[device])
    for device in by_descending_remainder[: num_blocks - sum(counts)]:
        counts[device] += 1
    idle = {device for device, share in enumerate(shares) if share and not counts[device]}
    if not idle or num_blocks < sum(map(bool, shares)):
        return tuple(counts)
    other_shares = [share for device, share in enumerate(shares) if device not in idle]
    other_counts = iter(expected_counts(num_blocks - len(idle), other_shares))
    return tuple(1 if device in idle else next(other_counts) for device in range(len(shares)))
