"""The peers of ``balance``: functions of other packages that divide consecutive parts among devices by their cost.

Each peer is a function that returns the number of parts on each device, in order. It runs the code of an installed
package. ``accelerate``, ``deepspeed_balanced``, ``deepspeed_uniform`` and ``torchgpipe`` return such a function, or
None if the package is not installed; ``balance`` is one itself.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate, chain, pairwise
from math import inf
from pathlib import Path
from typing import Any, TypeAlias

import devicemap
from benches.quality.architectures import Architecture, meta_model

Balance: TypeAlias = Callable[[Sequence[int], int], "list[int] | None"]
"""A function of the costs and the number of devices that returns the number of parts on each device, or None."""

TIMEOUT_SECONDS = 10.0
"""The time after which a peer is assumed to be in an endless loop. Otherwise it takes milliseconds."""

ACCELERATE_VERSION = "1.15.0"
ACCELERATE_RESULTS: dict[str, dict[int, list[int]]] = {
    "Llama-2-70B": {
        2: [41, 42],
        4: [21, 21, 21, 20],
        8: [11, 11, 11, 11, 11, 11, 11, 6],
    },
    "Llama-3-70B": {
        2: [41, 42],
        4: [20, 21, 21, 21],
        8: [10, 11, 11, 11, 11, 11, 11, 7],
    },
    "Llama-3-8B": {
        2: [15, 20],
        4: [6, 10, 10, 9],
        8: [2, 5, 5, 5, 5, 5, 5, 3],
    },
    "Qwen2-7B": {
        2: [13, 18],
        4: [5, 9, 9, 8],
        8: [1, 5, 5, 5, 5, 5, 4, 1],
    },
    "Mixtral-8x7B": {
        2: [17, 18],
        4: [9, 9, 9, 8],
        8: [5, 5, 5, 5, 5, 5, 5, 0],
    },
    "GPT-2 XL": {
        2: [24, 27],
        4: [12, 13, 13, 13],
        8: [5, 7, 7, 7, 7, 7, 7, 4],
    },
    "Gemma-2B": {
        2: [7, 13],
        4: [2, 6, 6, 6],
        8: [0, 0, 0, 0, 0, 0, 0, 20],
    },
    "Gemma-2B, untied head": {
        2: [6, 15],
        4: [0, 4, 8, 9],
        8: [0, 0, 0, 0, 0, 0, 0, 21],
    },
}
"""The number of parts on each device by architecture and number of devices, as returned by that version of accelerate
with transformers 4.57.6 and torch 2.15.0."""


def optimum(costs: Sequence[int], num_devices: int) -> int:
    """Return the smallest possible bottleneck, by dynamic programming over the devices and the ends of their runs."""
    sums = [0, *accumulate(costs)]
    # min_bottleneck[n] is the smallest bottleneck with which the devices so far can hold the first n parts.
    min_bottleneck = [0.0, *(inf for _ in costs)]
    for _ in range(num_devices):
        min_bottleneck = [
            min(max(min_bottleneck[start], sums[end] - sums[start]) for start in range(end + 1))
            for end in range(len(sums))
        ]
    return int(min_bottleneck[-1])


def balance(costs: Sequence[int], num_devices: int) -> list[int]:
    """Return the number of parts on each device in the result of ``devicemap.balance``."""
    runs = list(devicemap.balance(costs, num_devices).values())
    if list(chain.from_iterable(runs)) != list(range(len(costs))):
        raise RuntimeError("devicemap's runs are not the blocks in order")
    return [len(run) for run in runs]


@cache
def deepspeed_balanced() -> Balance | None:
    """Return DeepSpeed's ``partition_balanced``, which its pipelines use with ``partition_method="parameters"``."""
    function = _deepspeed_functions().get("partition_balanced")
    return function and (lambda costs, num_devices: _counts(function(list(costs), num_devices)))


@cache
def deepspeed_uniform() -> Balance | None:
    """Return DeepSpeed's ``partition_uniform``, which divides the number of parts and ignores their costs."""
    function = _deepspeed_functions().get("partition_uniform")
    return function and (lambda costs, num_devices: _counts(function(len(costs), num_devices)))


@cache
def _deepspeed_functions() -> dict[str, Callable[[Any, int], list[int]]]:
    """Return both functions by name, extracted from the installed file.

    Importing the module takes seconds and searches for accelerators.
    """
    path = _installed_file("deepspeed", "runtime/utils.py")
    if path is None:
        return {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = "partition_uniform", "partition_balanced"
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    namespace: dict[str, Any] = {}
    exec(compile(tree, path, "exec"), namespace)  # noqa: S102, the code of the installed package is measured
    return {name: namespace[name] for name in names if name in namespace}


@cache
def torchgpipe() -> Balance | None:
    """Return torchgpipe's ``solve``, which ``balance_by_size`` uses.

    It runs in a subprocess, since it does not terminate for some costs.
    """
    path = _installed_file("torchgpipe", "balance/blockpartition.py")
    if path is None:
        return None
    program = (
        "import json, runpy, sys; path, costs, num_devices = json.loads(sys.argv[1]);"
        "print(json.dumps([len(part) for part in runpy.run_path(path)['solve'](costs, num_devices)]))"
    )

    def balance(costs: Sequence[int], num_devices: int) -> list[int] | None:
        command = [sys.executable, "-I", "-S", "-c", program, json.dumps([str(path), list(costs), num_devices])]
        try:
            result = subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        counts: list[int] = json.loads(result.stdout)
        return counts

    return balance


@cache
def accelerate() -> Callable[[Architecture, int], list[int]] | None:
    """Return a function that makes the same calls of accelerate as ``from_pretrained(device_map="balanced")``.

    Its input is a model of transformers without weights. Each device has more memory than the model needs.
    """
    # Disables the warnings about missing frameworks, and below those about missing devices.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        import torch
        from accelerate import utils
    except ImportError:
        return None
    logging.getLogger("accelerate.utils.modeling").setLevel(logging.ERROR)

    def balance(architecture: Architecture, num_devices: int) -> list[int]:
        model = meta_model(architecture)
        no_split, dtype = model._no_split_modules, torch.bfloat16  # noqa: SLF001, as in from_pretrained
        max_memory = dict.fromkeys(range(num_devices), 10**15)
        max_memory = utils.get_balanced_memory(model, max_memory, no_split, dtype)
        device_map = utils.infer_auto_device_map(model, max_memory, no_split, dtype)
        devices = [_device_of(part, device_map) for part in architecture.parts]
        if devices != sorted(devices):
            raise RuntimeError(f"accelerate's map of {architecture.name} is not contiguous")
        return [devices.count(device) for device in range(num_devices)]

    return balance


def _device_of(part: str, device_map: dict[str, int]) -> int:
    """Return the device of a part, given by its own name in the map or by that of a module that contains it."""
    prefixes = list(accumulate(part.split("."), "{}.{}".format))
    return next(device_map[name] for name in [*reversed(prefixes), ""] if name in device_map)


def _counts(boundaries: list[int]) -> list[int]:
    """Return the lengths of the runs between boundaries."""
    return [int(end - start) for start, end in pairwise(boundaries)]


def _installed_file(package: str, file: str) -> Path | None:
    """Return the path of a file of an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    return path if path and path.exists() else None
