"""The peers of ``balance``: functions of other packages that divide consecutive parts over devices by their cost.

Each returns the number of parts on each device, in order. The installed code of the peers is run; a peer that is not
installed is None.
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
"""A function from the costs and the number of devices to the number of parts on each; None if it has no result."""

TIMEOUT = 10.0
"""The seconds after which a peer is assumed to be in an endless loop. Otherwise it takes milliseconds."""

ACCELERATE_VERSION = "1.15.0"
ACCELERATE: dict[str, dict[int, list[int]]] = {
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
"""The results of that version of accelerate, with transformers 4.57.6 and torch 2.15.0."""


def optimum(costs: Sequence[int], devices: int) -> int:
    """Return the smallest possible bottleneck, by dynamic programming over all ends of all runs."""
    sums = [0, *accumulate(costs)]
    best = [0.0, *(inf for _ in costs)]  # best[n] is the smallest bottleneck of the first n parts
    for _ in range(devices):
        best = [min(max(best[start], sums[end] - sums[start]) for start in range(end + 1)) for end in range(len(sums))]
    return int(best[-1])


def balance(costs: Sequence[int], devices: int) -> list[int]:
    """Run ``devicemap.balance``."""
    runs = list(devicemap.balance(costs, range(devices)).values())
    if list(chain.from_iterable(runs)) != list(range(len(costs))):
        raise RuntimeError("devicemap's runs are not the blocks in order")
    return [len(run) for run in runs]


@cache
def deepspeed_balanced() -> Balance | None:
    """Return DeepSpeed's ``partition_balanced``, which its pipelines use with ``partition_method="parameters"``."""
    return _deepspeed("partition_balanced")


@cache
def deepspeed_uniform() -> Balance | None:
    """Return DeepSpeed's ``partition_uniform``, which divides the number of parts and ignores their costs."""
    uniform = _deepspeed_functions().get("partition_uniform")
    return uniform and (lambda costs, devices: _counts(uniform(len(costs), devices)))


def _deepspeed(name: str) -> Balance | None:
    function = _deepspeed_functions().get(name)
    return function and (lambda costs, devices: _counts(function(list(costs), devices)))


@cache
def _deepspeed_functions() -> dict[str, Callable[[Any, int], list[int]]]:
    """Extract both functions from the installed file. Importing the module takes seconds and looks for accelerators."""
    path = _installed("deepspeed", "runtime/utils.py")
    if path is None:
        return {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = "partition_uniform", "partition_balanced"
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    found: dict[str, Any] = {}
    exec(compile(tree, path, "exec"), found)  # noqa: S102, the code of the installed package is measured
    return {name: found[name] for name in names if name in found}


@cache
def torchgpipe() -> Balance | None:
    """Return torchgpipe's ``solve``, which ``balance_by_size`` uses. It runs in a subprocess, since it may not end."""
    path = _installed("torchgpipe", "balance/blockpartition.py")
    if path is None:
        return None
    program = (
        "import json, runpy, sys; path, costs, devices = json.loads(sys.argv[1]);"
        "print(json.dumps([len(part) for part in runpy.run_path(path)['solve'](costs, devices)]))"
    )

    def balance(costs: Sequence[int], devices: int) -> list[int] | None:
        command = [sys.executable, "-I", "-S", "-c", program, json.dumps([str(path), list(costs), devices])]
        try:
            result = subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return None
        counts: list[int] = json.loads(result.stdout)
        return counts

    return balance


@cache
def accelerate() -> Callable[[Architecture, int], list[int]] | None:
    """Return accelerate's ``balanced`` map, by the calls of ``from_pretrained(device_map="balanced")``.

    Its input is a model of transformers without weights. Each device has more memory than the model needs.
    """
    # The warnings about missing frameworks and, below, about missing devices do not matter here.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        import torch
        from accelerate import utils
    except ImportError:
        return None
    logging.getLogger("accelerate.utils.modeling").setLevel(logging.ERROR)

    def balance(architecture: Architecture, devices: int) -> list[int]:
        model = meta_model(architecture)
        whole, dtype = model._no_split_modules, torch.bfloat16  # noqa: SLF001, as in from_pretrained
        memory = utils.get_balanced_memory(model, dict.fromkeys(range(devices), 10**15), whole, dtype)
        placed = utils.infer_auto_device_map(model, memory, whole, dtype)
        order = [_device(placed, part) for part in architecture.parts]
        if order != sorted(order):
            raise RuntimeError(f"accelerate's map of {architecture.name} is not contiguous")
        return [order.count(device) for device in range(devices)]

    return balance


def _device(placed: dict[str, int], part: str) -> int:
    """Return the device of a part, which is mapped by its own name or by that of a module that contains it."""
    parents = list(accumulate(part.split("."), "{}.{}".format))
    return next(placed[name] for name in [*reversed(parents), ""] if name in placed)


def _counts(bounds: list[int]) -> list[int]:
    return [int(end - start) for start, end in pairwise(bounds)]


def _installed(package: str, file: str) -> Path | None:
    """Return the path of a file of an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    return path if path and path.exists() else None
