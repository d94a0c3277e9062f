"""Create the calls that read checkpoints, and those of their peers. The result of each call is checked first."""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from tests.models import real_headers

import devicemap
from benches.speed.bar_cases import NotComparableError
from benches.speed.clock import Call

HUB_ENVIRONMENT = "HUGGINGFACE_HUB_2"
"""The environment variable with the folder of huggingface_hub 2, which cannot be imported next to transformers 4."""


@cache
def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Create a folder for checkpoints, which is removed when the object is deleted at the end of the process."""
    return tempfile.TemporaryDirectory(prefix="devicemap-bench-")


def folder() -> Path:
    """Return the path of the folder for checkpoints."""
    return Path(temporary_folder().name)


@cache
def llama_3_70b() -> Path:
    """Create Llama-3-70B: 723 tensors in 31 files."""
    tensors = real_headers.llama_3_70b_tensors()
    return real_headers.write_safetensors_folder(folder() / "llama-3-70b", tensors, real_headers.LLAMA_3_70B, 31)


@cache
def deepseek_v3() -> Path:
    """Create DeepSeek-V3: 91,991 tensors in 163 files."""
    tensors = real_headers.deepseek_v3_tensors()
    return real_headers.write_safetensors_folder(folder() / "deepseek-v3", tensors, real_headers.DEEPSEEK_V3, 163)


@cache
def gguf_file() -> Path:
    """Create a GGUF file with 152,064 tokens and 151,387 merges."""
    path = folder() / "qwen2.gguf"
    real_headers.write_gguf(path)
    return path


def read_model(path: Path, _: object = None) -> devicemap.Model:
    """Read a model."""
    return devicemap.Model.from_pretrained(path)


def read_llama_3_70b() -> Call:
    """Return a call that reads Llama-3-70B."""
    expected = _total_bytes(real_headers.llama_3_70b_tensors())
    return _checked(llama_3_70b(), expected, num_blocks=80)


def read_deepseek_v3() -> Call:
    """Return a call that reads DeepSeek-V3."""
    return _checked(deepseek_v3(), _total_bytes(real_headers.deepseek_v3_tensors()), num_blocks=61)


def read_gguf() -> Call:
    """Return a call that reads the GGUF file."""
    return _checked(gguf_file(), 115 * 144, num_blocks=28)


def _total_bytes(tensors: real_headers.Tensors) -> int:
    return sum(real_headers.num_bytes(*tensor) for tensor in tensors.values())


def _checked(path: Path, expected: int, num_blocks: int) -> Call:
    """Return a call that reads a model, after checking the number of blocks and the bytes of all parts."""
    model = read_model(path)
    parts = [*model.blocks, *model.before, *model.after, *model.excluded]
    actual = sum(part.bytes for part in parts)
    if (model.num_blocks, actual) != (num_blocks, expected):
        raise NotComparableError(f"devicemap reads {model.num_blocks} blocks and {actual} bytes")
    return Call(read_model, path, None)


def deepseek_v3_and_json() -> tuple[Call, Call]:
    """Return calls that read DeepSeek-V3 with devicemap, and with ``json`` and a loop in Python."""
    ours = read_deepseek_v3()
    path = deepseek_v3()
    if sum(_bytes_per_block_with_json(path).values()) != _total_bytes(real_headers.deepseek_v3_tensors()):
        raise NotComparableError("the loop in Python returns a wrong result")
    return ours, Call(_bytes_per_block_with_json, path, None)


def _bytes_per_block_with_json(path: Path, _: object = None) -> Counter[str]:
    """Return the bytes of each block or module, by the loop that people write."""
    weight_map = json.loads(path.joinpath("model.safetensors.index.json").read_bytes())["weight_map"]
    result: Counter[str] = Counter()
    for shard in sorted(set(weight_map.values())):
        with path.joinpath(shard).open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        for name, tensor in header.items():
            if name != "__metadata__":
                start, end = tensor["data_offsets"]
                components = name.split(".")
                block = next((index for index, component in enumerate(components) if component.isdigit()), None)
                result[".".join(components[:-1] if block is None else components[: block + 1])] += end - start
    return result


HUB_READER = """
import sys
from huggingface_hub import get_local_safetensors_metadata
for line in sys.stdin:
    metadata = get_local_safetensors_metadata(line.strip())
    print(sum(len(file.tensors) for file in metadata.files_metadata.values()), flush=True)
"""


@cache
def hub_process() -> subprocess.Popen[str]:
    """Start a process that reads checkpoints with huggingface_hub 2. It ends with this one."""
    installed = os.environ.get(HUB_ENVIRONMENT)
    if not installed:
        raise NotComparableError(f"huggingface_hub 2 is not installed ({HUB_ENVIRONMENT} is not set)")
    process = subprocess.Popen(
        [sys.executable, "-c", HUB_READER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": installed},
    )
    atexit.register(process.communicate)
    return process


def deepseek_v3_and_hub() -> tuple[Call, Call]:
    """Return calls that read DeepSeek-V3 with devicemap, and with the local reader of huggingface_hub in a process."""
    process = hub_process()

    def read_with_hub(path: Path, _: object = None) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    if read_with_hub(deepseek_v3()) != len(real_headers.deepseek_v3_tensors()):
        raise NotComparableError("huggingface_hub returns a wrong result")
    return read_deepseek_v3(), Call(read_with_hub, deepseek_v3(), None)


def gguf_and_gguf_py() -> tuple[Call, Call]:
    """Return calls that read the GGUF file with devicemap, and with gguf-py."""
    try:
        from gguf import GGUFReader
    except ImportError:
        raise NotComparableError("gguf is not installed") from None

    def read_with_gguf_py(path: Path, _: object = None) -> int:
        return sum(int(tensor.n_bytes) for tensor in GGUFReader(path).tensors)

    return read_gguf(), Call(read_with_gguf_py, gguf_file(), None)


# Whole processes: from a folder to a device map.

OUR_PROCESS = """
import sys, devicemap
device_map = devicemap.balance(devicemap.Model.from_pretrained(sys.argv[1]).sizes(), 2)
"""
ACCELERATE_PROCESS = """
import sys, accelerate, torch, transformers
config = transformers.AutoConfig.from_pretrained(sys.argv[1])
with torch.device("meta"):
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
max_memory = {0: "80GiB", 1: "80GiB"}
device_map = accelerate.infer_auto_device_map(model, max_memory, no_split_module_classes=model._no_split_modules)
"""
PEAK_MEMORY = """
for line in open("/proc/self/status"):
    # getrusage() would include the memory of the parent process before the program was started.
    if line.startswith("VmHWM:"):
        print(line.split()[1])
"""


def _run(code: str, path: Path) -> int:
    """Run Python code in a process, and return its peak memory in KiB."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code + PEAK_MEMORY, str(path)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if process.returncode:
        raise NotComparableError(process.stderr.strip().rpartition("\n")[2])
    if not process.stdout:
        raise NotComparableError("the peak memory of a process is read from /proc, which only Linux has")
    return int(process.stdout)


def map_llama_3_70b() -> Call:
    """Return a call that starts a process, which reads Llama-3-70B and balances its blocks."""
    return Call(_run, OUR_PROCESS, llama_3_70b())


def map_llama_3_70b_with_accelerate() -> tuple[Call, Call]:
    """Return that call, and one that starts a process, which creates a device map with accelerate."""
    return map_llama_3_70b(), Call(_run, ACCELERATE_PROCESS, llama_3_70b())


def memory_of_mapping_llama_3_70b() -> tuple[Callable[[], float], Callable[[], float]]:
    """Return functions that return the peak memory of both processes."""
    return partial(_run, OUR_PROCESS, llama_3_70b()), partial(_run, ACCELERATE_PROCESS, llama_3_70b())
