"""Find the files of a checkpoint: in a folder, by a file's name, or in the local cache of huggingface_hub."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from devicemap import _native
from devicemap._errors import ModelError, short_repr
from devicemap._models._part import Group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devicemap._native import _Group

__all__ = ["Checkpoint", "read_checkpoint"]

_CONFIG = "config.json"
_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLED_SUFFIXES = {".bin", ".pt", ".pth", ".ckpt"}
_MAX_CONFIG_BYTES = 10_000_000
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_HUB_ID = re.compile(r"[A-Za-z0-9_][\w.-]*/[\w.-]+", re.ASCII)
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.safetensors", re.DOTALL)
_ADAPTER = "adapter_model.safetensors"
_SPLIT_GGUF = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)


class Checkpoint(NamedTuple):
    """What was read from the files of a checkpoint."""

    path: Path
    """The file with the header or the index."""
    name: str
    """The name of the model: that of the folder or file, or the id on the Hub."""
    format: str
    config: dict[str, Any]
    groups: list[Group]


def read_checkpoint(source: str | os.PathLike[str], revision: str | None) -> Checkpoint:
    """Read the headers of a checkpoint and its configuration.

    Args:
        source: A folder, a file, or the id of a model on the Hub.
        revision: The branch, tag or commit of a model on the Hub.

    Raises:
        ModelError: The source is not found, is not a checkpoint, or cannot be read.

    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"source must be a str or os.PathLike, got {type(source).__name__}")
    path = Path(source)
    if not os.fspath(source):
        # Path("") is the current folder.
        raise ModelError("source must be a path or the id of a model on the Hub, got an empty str")
    try:
        is_folder, exists = path.is_dir(), path.exists() or path.is_symlink()
    except (OSError, ValueError) as error:
        raise ModelError(f"{short_repr(str(path))} cannot be read: {error}") from error
    if exists and revision is not None:
        raise ModelError(f"revision must be None for a path, got {short_repr(revision)}")
    if is_folder:
        return _read_folder(path)._replace(name=_absolute_name(path))
    if exists:
        return _read_file(path)
    if isinstance(source, str) and _HUB_ID.fullmatch(source) and path.suffix not in {".safetensors", ".gguf", ".json"}:
        return _read_folder(_snapshot(source, revision or "main"))._replace(name=source)
    raise ModelError(
        f"{os.fspath(source)!r} is not found: it is neither a file or folder nor an id of the Hub, such as owner/name"
    )


def _read_folder(folder: Path) -> Checkpoint:
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise ModelError(f"{folder} cannot be read: {error.strerror}") from error
    # transformers prefers the single file if there are both.
    for name in (_SINGLE, _INDEX):
        if name in names:
            return _read_file(folder / name)
    for suffix in (".safetensors.index.json", ".safetensors"):
        candidates = [name for name in names if name.endswith(suffix) and name != _ADAPTER]
        if candidates:
            return _read_only_file(folder, candidates)
    models = {match[1] if (match := _SPLIT_GGUF.fullmatch(name)) else name for name in names if name.endswith(".gguf")}
    if len(models) == 1:
        return _read_file(folder / next(name for name in names if name.endswith(".gguf")))
    if models:
        raise ModelError(f"{folder} has {len(models)} GGUF models; pass one of the files")
    if any(Path(name).suffix in _PICKLED_SUFFIXES for name in names):
        raise ModelError(f"{folder} has only pickled weights, {_PICKLED_ADVICE}")
    raise ModelError(f"{folder} has no weights: no {_SINGLE}, no {_INDEX} and no *.gguf")


def _read_only_file(folder: Path, candidates: list[str]) -> Checkpoint:
    """Read a file with an unusual name, if it is the only candidate."""
    if any(_is_shard(name) for name in candidates):
        raise ModelError(f"{folder} has files of a sharded model, but no {_INDEX}; download it too")
    if len(candidates) > 1:
        raise ModelError(f"{folder} has {', '.join(candidates[:3])}, but no {_INDEX}; pass one of the files")
    return _read_file(folder / candidates[0])


_PICKLED_ADVICE = (
    "which are not read because unpickling runs code; convert them, for example with "
    'AutoModelForCausalLM.from_pretrained(…).save_pretrained("folder"); use the class of your model, since another one '
    "may drop the head"
)


def _read_file(path: Path) -> Checkpoint:
    name = path.name
    if name.endswith(".index.json"):
        if not name.endswith(".safetensors.index.json"):
            raise ModelError(f"{path} is the index of pickled weights, {_PICKLED_ADVICE}")
        return _checkpoint(path, _absolute_name(path.parent), _native.read_sharded(path))
    if _is_shard(name):
        raise ModelError(f"{path} is one of several files of a model; pass their folder, or its {_INDEX}")
    if name == _ADAPTER:
        raise ModelError(f"{path} is an adapter; pass the model to which it belongs")
    if path.suffix == ".safetensors":
        return _checkpoint(path, path.stem, _native.read_safetensors(path))
    if path.suffix == ".gguf":
        return _read_gguf(path)
    if path.suffix in _PICKLED_SUFFIXES:
        raise ModelError(f"{path} has pickled weights, {_PICKLED_ADVICE}")
    if not path.is_file():
        raise ModelError(f"{path} is not a regular file")
    raise ModelError(f"{path} must be a folder, *.safetensors, *.safetensors.index.json or *.gguf")


def _checkpoint(path: Path, name: str, groups: list[_Group]) -> Checkpoint:
    return Checkpoint(path, name, "safetensors", _read_config(path.parent), [Group(*group) for group in groups])


def _read_config(folder: Path) -> dict[str, Any]:
    """Return the contents of ``config.json``, or an empty dict if the folder has none."""
    path = folder / _CONFIG
    try:
        if not os.path.lexists(path):
            return {}
        if not path.is_file():
            raise ModelError(f"{path} is not a regular file")
        with path.open("rb") as file:
            text = file.read(_MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    if len(text) > _MAX_CONFIG_BYTES:
        raise ModelError(f"{path} has more than {_MAX_CONFIG_BYTES:,} bytes")
    if text.startswith(_LFS_POINTER):
        raise ModelError(f"{path} is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository")
    try:
        config = json.loads(text, object_pairs_hook=_unique_dict)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path} must contain a JSON object, got {short_repr(config)}")
    return config


def _unique_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        (key, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {short_repr(key)} occurs twice")
    return result


def _read_gguf(path: Path) -> Checkpoint:
    """Read a GGUF file, or all files of a split one, of which any can be given."""
    match = _SPLIT_GGUF.fullmatch(path.name)
    count = int(match[3]) if match else 1
    if match and not 1 <= int(match[2]) <= count:
        raise ModelError(f"{path} must be one of {count} parts, got part {int(match[2])}")
    paths = [path.with_name(f"{match[1]}-{n:05}-of-{count:05}.gguf") for n in range(1, count + 1)] if match else [path]
    metadata, groups = _native.read_gguf(paths)
    for number, (part, values) in enumerate(zip(paths, metadata, strict=True)):
        index, total = values.get("split.no"), values.get("split.count")
        is_unsplit = match is None and index is None and total is None
        if (index, total) != (number, count) and not is_unsplit:
            raise ModelError(
                f"{part} must be part {number + 1} of {count}, but its metadata says part "
                f"{index + 1 if isinstance(index, int) else index} of {total}"
            )
    if metadata[0].get("general.type", "model") not in {"model", "mmproj"}:
        raise ModelError(f"{path} must be a model, got general.type {short_repr(metadata[0]['general.type'])}")
    name = match[1] if match else path.stem
    return Checkpoint(paths[0], name, "gguf", metadata[0], [Group(*group) for group in groups])


def _snapshot(model_id: str, revision: str) -> Path:
    """Return the folder of a model in the local cache of huggingface_hub."""
    cache = _hub_cache()
    folder = cache / f"models--{model_id.replace('/', '--')}"
    commit = revision
    try:
        reference = folder / "refs" / revision
        is_within_refs = ".." not in revision and not Path(revision).is_absolute()
        if not _is_commit(revision) and is_within_refs and reference.is_file():
            commit = reference.read_text(encoding="utf-8", errors="replace").strip()
        if _is_commit(commit) and (folder / "snapshots" / commit).is_dir():
            return folder / "snapshots" / commit
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} cannot be read: {error}") from error
    command = f"hf download {model_id}" + ("" if revision == "main" else f" --revision {revision}")
    if folder.is_dir():
        raise ModelError(f"revision {revision} of {model_id} is not in the local cache ({cache}); run `{command}`")
    raise ModelError(
        f"{model_id} is neither a file or folder nor in the local cache of the Hub ({cache}); if it is the id of a "
        f"model, download it with `{command}`, which huggingface_hub installs"
    )


def _absolute_name(folder: Path) -> str:
    """Return the name of a folder, which may be given as ``"."``."""
    try:
        return folder.resolve().name
    except OSError:
        # The current folder has been removed.
        return folder.name


def _is_shard(name: str) -> bool:
    match = _SHARD.fullmatch(name)
    return match is not None and int(match[3]) > 1


def _is_commit(revision: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}", revision) is not None


def _hub_cache() -> Path:
    """Return the folder of the local cache, by the rules of huggingface_hub."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(variable):
            return _expand(value)
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = os.environ.get("HF_HOME") or cache_home / "huggingface"
    return _expand(home) / "hub"


def _expand(path: str | Path) -> Path:
    """Replace variables and ``~``, without an error if there is no such user."""
    return Path(os.path.expanduser(os.path.expandvars(path)))  # noqa: PTH111, Path.expanduser raises a RuntimeError
