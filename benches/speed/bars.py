"""The bars: the largest times and memory that are accepted, mostly as a ratio to a call that is measured side by side.

``assert``, ``get``, ``balance``, ``split`` and ``check`` are short for the functions of devicemap. "The original" is
the module of transformers 4.57.6 that ``assert_device_map`` and ``get_device_map`` replace. The kinds of maps, such as
"contiguous", are defined in ``maps.py``. The factors are requirements, which were set with some distance to the
measured values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TypeAlias

from benches.speed.bar_cases import (
    DEFAULT_NUM_BLOCKS,
    assert_and_lower_bound,
    assert_and_peer,
    assert_on_two_kinds,
    balance_and_deepspeed,
    balance_and_sum,
    balance_call,
    balance_on_more_devices,
    balance_with_and_without_limits,
    check_and_assert,
    get_and_peer,
    split_more_blocks_than_fit_in_memory,
)
from benches.speed.clock import Call, format_seconds, time_side_by_side
from benches.speed.model_cases import (
    deepseek_v3_and_hub,
    deepseek_v3_and_json,
    gguf_and_gguf_py,
    map_llama_3_70b,
    map_llama_3_70b_with_accelerate,
    memory_of_mapping_llama_3_70b,
    read_deepseek_v3,
    read_gguf,
    read_llama_3_70b,
)


@dataclass(frozen=True)
class Result:
    """The result of measuring a bar."""

    bar: Bar
    our_seconds: float
    other_seconds: float | None
    measured: str
    """The measured ratio or time, as text."""
    is_met: bool
    num_rounds: int


@dataclass(frozen=True)
class Ratio:
    """A bar on the ratio of two times.

    Either our call must be at least ``factor`` times faster than the other call, or it can take at most ``factor``
    times as long.
    """

    call: str
    """The name of our call."""
    other: str
    """The name of the other call."""
    factor: float
    create_calls: Callable[[], tuple[Call, Call]]
    """Checks the results of both calls once, and returns the calls."""
    must_be_faster: bool

    @property
    def requirement(self) -> str:
        """The requirement as text."""
        if self.must_be_faster:
            return f"≥ {self.factor:,g} × faster than {self.other}"
        return f"≤ {self.factor:g} × the time of {self.other}"

    def measure(self, duration: float) -> Result:
        """Time both calls alternately for ``duration`` seconds. If ``duration`` is 0, call each of them only once."""
        times = time_side_by_side(*self.create_calls(), duration)
        factor = 1 / times.ratio if self.must_be_faster else times.ratio
        digits = f"{factor:,.0f}" if factor >= 100 else f"{factor:.3g}" if factor >= 0.001 else "< 0.001"
        is_met = factor >= self.factor if self.must_be_faster else factor <= self.factor
        return Result(self, times.ours, times.other, f"{digits} ×", is_met, times.num_rounds)


AtLeast = partial(Ratio, must_be_faster=True)
AtMost = partial(Ratio, must_be_faster=False)


@dataclass(frozen=True)
class TimeLimit:
    """A bar on the time of one call."""

    call: str
    """The name of the call."""
    max_seconds: float
    create_call: Callable[[], Call]
    """Checks the result of the call once, and returns the call."""
    num_calls: int = 20
    """The number of calls per measurement."""

    @property
    def requirement(self) -> str:
        """The requirement as text."""
        return f"≤ {format_seconds(self.max_seconds)}"

    def measure(self, duration: float) -> Result:
        """Time the call, for a fixed number of calls. If ``duration`` is 0, call it only once."""
        call = self.create_call()
        seconds = call.median_seconds(self.num_calls) if duration else call.mean_seconds()
        return Result(self, seconds, None, format_seconds(seconds), seconds <= self.max_seconds, 1)


@dataclass(frozen=True)
class MemoryRatio:
    """A bar on the ratio of the peak memory of two processes."""

    call: str
    """The name of our process."""
    other: str
    """The name of the other process."""
    factor: float
    """The other process must need at least ``factor`` times the memory of ours."""
    create_processes: Callable[[], tuple[Callable[[], float], Callable[[], float]]]
    """Creates functions that run the processes and return their peak memory."""

    @property
    def requirement(self) -> str:
        """The requirement as text."""
        return f"≤ 1/{self.factor:g} of the memory of {self.other}"

    def measure(self, duration: float) -> Result:
        """Run both processes once, whatever the duration."""
        run_ours, run_other = self.create_processes()
        start = perf_counter()
        our_memory = run_ours()
        seconds = perf_counter() - start
        factor = run_other() / our_memory
        return Result(self, seconds, None, f"1/{factor:.3g}", factor >= self.factor, 1)


Bar: TypeAlias = Ratio | TimeLimit | MemoryRatio

SMALL_SIZES = (12, 2), (48, 4), (96, 8)
"""Pairs of a number of blocks and a number of devices."""
LOWER_BOUND = "reading each int once"
SET = "set-based Python"

BARS: list[Bar] = [
    AtLeast("assert, contiguous", "numpy", 10, partial(assert_and_peer, "contiguous", "numpy")),
    AtLeast("assert, contiguous", SET, 50, partial(assert_and_peer, "contiguous", "set")),
    AtMost("assert, contiguous", LOWER_BOUND, 1.5, partial(assert_and_lower_bound, "contiguous")),
    AtMost("assert, shuffled", LOWER_BOUND, 1.5, partial(assert_and_lower_bound, "shuffled")),
    AtLeast("assert, shuffled", "numpy", 3, partial(assert_and_peer, "shuffled", "numpy")),
    AtMost("assert, round-robin", LOWER_BOUND, 3.5, partial(assert_and_lower_bound, "round-robin")),
    AtLeast("assert, round-robin", "numpy", 3, partial(assert_and_peer, "round-robin", "numpy")),
    AtMost("assert, ranges", "lists", 0.1, partial(assert_on_two_kinds, "ranges", "contiguous")),
    AtMost("assert, int64 arrays", "lists", 1.5, partial(assert_on_two_kinds, "int64 arrays", "contiguous")),
    *(
        AtMost(f"assert, {kind}", SET, 1, partial(assert_and_peer, kind, "set"))
        for kind in ("one duplicate", "one missing", "one extra", "half missing")
    ),
    AtMost("get, 8 devices", "list(range(n))", 1.1, partial(get_and_peer, "list(range(n))")),
    AtLeast("get, 8 devices", "the original", 1.25, partial(get_and_peer, "original")),
    AtLeast(
        "get, 1,000,000 devices",
        "the original",
        3,
        partial(get_and_peer, "original", num_devices=DEFAULT_NUM_BLOCKS),
    ),
    *(
        AtLeast(f"get, {size[0]} blocks", "the original", factor, partial(get_and_peer, "original", *size))
        for size, factor in zip(SMALL_SIZES, (2.5, 2.5, 2), strict=True)
    ),
    *(
        AtLeast(
            f"assert, {size[0]} blocks",
            "the original",
            factor,
            partial(assert_and_peer, "contiguous", "original", *size),
        )
        for size, factor in zip(SMALL_SIZES, (12, 80, 200), strict=True)
    ),
    AtMost("balance, list of ints", "sum(costs)", 1, partial(balance_and_sum, "list")),
    AtMost("balance, list of large ints", "sum(costs)", 1, partial(balance_and_sum, "large")),
    AtMost("balance, int64 array", "numpy.cumsum", 2, partial(balance_and_sum, "int64")),
    AtMost("balance, float64 array", "numpy.cumsum", 2, partial(balance_and_sum, "float64")),
    AtMost("balance, 1,000 devices", "8 devices", 1.5, partial(balance_on_more_devices, 1_000)),
    AtMost("balance, speeds and memory", "balance without both", 2, balance_with_and_without_limits),
    AtLeast("balance, 400 costs", "DeepSpeed's partition_balanced", 1_000, balance_and_deepspeed),
    *(
        TimeLimit(
            f"balance, {num_blocks} costs, {num_devices} devices",
            20e-6,
            partial(balance_call, "list", num_devices, num_blocks),
        )
        for num_blocks, num_devices in ((32, 2), (64, 4), (128, 8))
    ),
    TimeLimit("split, 10**12 blocks", 10e-6, split_more_blocks_than_fit_in_memory),
    *(
        AtMost(f"check, {kind}", "assert", 2, partial(check_and_assert, kind))
        for kind in ("contiguous", "round-robin", "shuffled")
    ),
    TimeLimit("Model, Llama-3-70B", 5e-3, read_llama_3_70b, num_calls=1),
    TimeLimit("Model, DeepSeek-V3", 100e-3, read_deepseek_v3, num_calls=1),
    AtLeast("Model, DeepSeek-V3", "json with a loop in Python", 8, deepseek_v3_and_json),
    AtLeast("Model, DeepSeek-V3", "huggingface_hub", 8, deepseek_v3_and_hub),
    TimeLimit("Model, GGUF with 303,451 strings", 5e-3, read_gguf, num_calls=1),
    AtLeast("Model, GGUF with 303,451 strings", "gguf-py", 1_000, gguf_and_gguf_py),
    TimeLimit("process, Llama-3-70B", 150e-3, map_llama_3_70b, num_calls=1),
    AtLeast("process, Llama-3-70B", "accelerate", 40, map_llama_3_70b_with_accelerate),
    MemoryRatio("process, Llama-3-70B", "accelerate", 30, memory_of_mapping_llama_3_70b),
]
