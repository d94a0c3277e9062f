"""Divide the tensors of a checkpoint into the blocks and the parts before and after them.

A number in a name gives the block of a tensor, and the prefix before the number is the *stack*. The number of layers in
the configuration tells which stack provides the blocks. The modules outside it go before or after the blocks by their
role.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict

from devicemap._errors import ModelError, plural, short_repr
from devicemap._models._part import Part, first_to_last
from devicemap._models._roles import is_before, is_excluded, is_head, is_other_input, is_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from devicemap._models._config import ModelConfig
    from devicemap._models._part import Group

    _Stacks: TypeAlias = dict[str, dict[int, Group]]

__all__ = ["Parts", "divide"]

_MAX_LISTED = 8
"""The largest number of stacks that an error lists."""

_ENCODER = re.compile(r"(?<![^.])enc(oder)?(?![^.])")
"""The component of a stack's name that is called ``decoder``, or ``dec``, in the stack that follows it."""


class Parts:
    """The parts of a model, each with the tensors of one module or block."""

    def __init__(self) -> None:
        self.blocks: list[Part] = []
        self.before: list[Part] = []
        self.after: list[Part] = []
        self.excluded: list[Part] = []
        self.notes: list[str] = []


def divide(groups: Iterable[Group], config: ModelConfig, stack_name: str | None) -> Parts:
    """Divide the groups of tensors into parts.

    Args:
        groups: The groups of tensors, as the extension returns them.
        config: The configuration of the model, which may be empty.
        stack_name: The name of the stack that provides the blocks, or None to determine it.

    Raises:
        ModelError: No stack or several stacks can provide the blocks.

    """
    stacks: _Stacks = defaultdict(dict)
    modules: list[Group] = []
    for group in groups:
        if group.stack is None or group.number is None:
            modules.append(group)
        else:
            stacks[group.stack][group.number] = group
    chosen = _choose(stacks, modules, config, stack_name)
    parts = Parts()
    num_layers = next(iter(config.layer_counts), 0)
    if stack_name is not None and num_layers not in {0, chosen[0][1]}:
        parts.notes.append(
            f"{stack_name} has {plural(chosen[0][1], 'block')}, the configuration has {plural(num_layers, 'layer')}"
        )
    for name, num_used in chosen:
        numbered = sorted(stacks[name].items())
        parts.blocks += [_part(group.name, [group]) for number, group in numbered if number < num_used]
        parts.excluded += [_part(group.name, [group]) for number, group in numbered if number >= num_used]
    if parts.excluded:
        parts.notes.append(
            f"{first_to_last(parts.excluded)} is not used: the configuration has {plural(len(parts.blocks), 'layer')}"
        )
    chosen_names = [name for name, _ in chosen]
    if stack_name is None:
        _check_share(stacks, chosen_names)
    others = {name: list(numbered.values()) for name, numbered in stacks.items() if name not in chosen_names}
    towers = {_root(name, chosen_names) for name in others if _is_stack(stacks[name])}
    others.update((group.name, [group]) for group in modules)
    # The heads are used last.
    for name, members in sorted(others.items(), key=lambda item: (is_head(item[0]), item[0])):
        if is_excluded(name):
            parts.excluded.append(_part(name, members))
        elif is_before(name) or (_is_within(name, towers) and not is_output(name)):
            parts.before.append(_part(name, members))
        else:
            parts.after.append(_part(name, members))
    return parts


def _check_share(stacks: _Stacks, chosen: Sequence[str]) -> None:
    """Check that the chosen stacks have most of the bytes of all stacks that are not named as those of other inputs."""
    num_bytes = {
        name: sum(sum(group.dtypes.values()) for group in numbered.values())
        for name, numbered in stacks.items()
        if name in chosen or (_is_stack(numbered) and not is_other_input(name) and not is_excluded(name))
    }
    if 2 * sum(num_bytes[name] for name in chosen) < sum(num_bytes.values()):
        lengths = {name: len(stacks[name]) for name in num_bytes}
        raise ModelError(
            f"{' and '.join(chosen)} would be the blocks, but most of the bytes are in other stacks; {_listed(lengths)}"
        )


def _part(name: str, groups: Sequence[Group]) -> Part:
    """Return the part with the tensors of some groups."""
    dtypes: Counter[str] = Counter()
    for group in groups:
        dtypes.update(group.dtypes)
    return Part(name, sum(dtypes.values()), sum(group.expert_bytes for group in groups), dict(dtypes))


def _is_stack(numbered: Mapping[int, Group], min_length: int = 2) -> bool:
    """Return whether numbered modules form a stack: without gaps, and with more than bare tensors in each."""
    # A gap makes the largest number larger than the number of modules.
    is_complete = len(numbered) >= min_length and max(numbered) == len(numbered) - 1
    return is_complete and all(group.has_modules for group in numbered.values())


def _root(tower: str, chosen: Iterable[str]) -> str:
    """Return the shortest prefix of a stack's name that the names of the chosen stacks do not have.

    It is the module that contains the stack and everything that belongs to it: ``visual`` for ``visual.blocks`` next to
    ``model.layers``, and ``model.visual`` for ``model.visual.blocks`` next to ``model.language_model.layers``.
    """
    components = tower.split(".")
    num_common = max(_num_common(components, name.split(".")) for name in chosen)
    return ".".join(components[: num_common + 1])


def _num_common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the number of components that two names have in common at their start."""
    pairs = zip(first, second, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _is_within(name: str, roots: set[str]) -> bool:
    """Return whether a module is one of some modules, or in one of them."""
    return any(prefix in roots for prefix in itertools.accumulate(name.split("."), "{}.{}".format))


def _choose(
    stacks: _Stacks, modules: Sequence[Group], config: ModelConfig, stack_name: str | None
) -> list[tuple[str, int]]:
    """Return the stacks that provide the blocks, each with the number of its blocks that the model uses."""
    counts = config.layer_counts
    has_embedding = any(is_before(group.name) for group in modules)
    min_length = 1 if 1 in counts else 2
    lengths = {name: len(numbered) for name, numbered in stacks.items() if _is_stack(numbered, min_length)}
    if stack_name is not None:
        if stack_name not in stacks or not _is_stack(stacks[stack_name], 1):
            raise ModelError(f"there is no stack {short_repr(stack_name)}; {_listed(lengths)}")
        # The stack of the language model can have additional blocks. Another stack has its own number of blocks.
        is_longer = bool(counts) and has_embedding and stack_name in _longer(lengths, counts[0])
        return [(stack_name, counts[0] if is_longer else len(stacks[stack_name]))]
    if any(group.name == "logit_scale" for group in modules):
        raise ModelError(
            f"the model compares the outputs of two towers, which are not one sequence of blocks; {_listed(lengths)}"
        )
    lengths = {name: length for name, length in lengths.items() if not is_excluded(name)}
    pair = _encoder_and_decoder(lengths)
    if pair and not any(name not in pair and length in counts for name, length in lengths.items()):
        used = config.encoder_and_decoder_layers
        for name, count in zip(pair, used, strict=True):
            if count > lengths[name]:
                raise ModelError(
                    f"{name} has {plural(lengths[name], 'block')}, but the configuration has {plural(count, 'layer')}"
                )
        return [(name, count or lengths[name]) for name, count in zip(pair, used, strict=True)]
    for count, matching in _matching_stacks(lengths, config, has_embedding=has_embedding):
        if len(matching) == 1:
            return [(matching[0], count)]
        raise ModelError(
            f"several stacks have {plural(count, 'block')}, as the configuration says: {_listed(lengths, matching[0])}"
        )
    raise ModelError(_no_stack_message(stacks, lengths, counts))


def _matching_stacks(
    lengths: Mapping[str, int], config: ModelConfig, *, has_embedding: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield each number of blocks that the configuration can mean, with the stacks that have it, if there are any."""
    decoders = [name for name in lengths if "decoder" in name.split(".")]
    counts = [config.num_decoder_layers] if config.num_decoder_layers in map(lengths.get, decoders) else []
    for count in [*counts, *config.layer_counts]:
        matching = [name for name, length in lengths.items() if length == count]
        # The names of towers distinguish them from the language model.
        matching = [name for name in matching if not is_other_input(name)] or matching
        # Without an embedding outside the stacks, additional blocks can be the embedding and the head.
        matching = matching or (_longer(lengths, count) if has_embedding else [])
        if matching:
            yield count, matching
    if not config.layer_counts:
        tower_layer_counts = config.tower_layer_counts
        others = [name for name, length in lengths.items() if length not in tower_layer_counts]
        if len(others) == 1:
            yield lengths[others[0]], others


def _longer(lengths: Mapping[str, int], count: int) -> list[str]:
    """Return the stacks with more than ``count`` blocks, if no stack has that number."""
    if count in lengths.values():
        return []
    return [name for name, length in lengths.items() if length > count]


def _no_stack_message(stacks: _Stacks, lengths: Mapping[str, int], counts: Sequence[int]) -> str:
    if not lengths:
        single = [name for name, numbered in stacks.items() if _is_stack(numbered, 1)]
        if len(single) == 1 and counts and counts[0] > 1:
            return (
                f"{single[0]} has 1 block, but the configuration has {counts[0]} layers: layers that share the weights "
                f"of one block cannot be placed on several devices"
            )
        for name, numbered in stacks.items():
            if len(numbered) > 1 and all(group.has_modules for group in numbered.values()):
                missing = next(number for number in itertools.count() if number not in numbered)
                return f"{name} lacks block {missing}: the files are incomplete"
        return "the names of the tensors contain no stack of blocks, such as model.layers.0, model.layers.1, …"
    if not counts:
        return f"the configuration does not give the number of layers of the language model; {_listed(lengths)}"
    if len(lengths) == 1 and max(lengths.values()) > counts[0]:
        (name, length), *_ = lengths.items()
        return (
            f"{name} has {plural(length, 'block')}, but the configuration has {plural(counts[0], 'layer')}: the "
            "embedding and the head seem to be numbered together with the blocks; convert the checkpoint to the "
            "current format"
        )
    return f"no stack has {plural(counts[0], 'block')}, as the configuration says: {_listed(lengths)}"


def _listed(lengths: Mapping[str, int], example: str | None = None) -> str:
    """Describe the stacks, and how to choose one."""
    if not lengths:
        return "there are no stacks"
    example = example or max(lengths, key=lambda name: lengths[name])
    listed = ", ".join(f"{name} ({plural(length, 'block')})" for name, length in list(lengths.items())[:_MAX_LISTED])
    more = "" if len(lengths) <= _MAX_LISTED else f" and {len(lengths) - _MAX_LISTED} more"
    return f'the stacks are {listed}{more}; pass blocks="{example}", for example'


def _encoder_and_decoder(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the encoder stack and the decoder stack, if exactly two stacks differ in that component of their names."""
    names = [name for name in names if not is_other_input(name)]
    pairs = [
        (name, decoder)
        for name in names
        for decoder in [_ENCODER.sub(lambda match: match[0].replace("enc", "dec"), name)]
        if decoder != name and decoder in names
    ]
    return pairs[0] if len(pairs) == 1 else None
