"""The original module, and what it means to answer as it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from transformers.utils import model_parallel_utils as original

import devicemap

__all__ = ["Outcome", "assert_same", "original", "outcome"]


class Outcome(NamedTuple):
    """What a call gave: its result, or its exception's type and text."""

    result: Any = None
    raised: type[BaseException] | None = None
    text: str = ""


def outcome(function: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]]) -> Outcome:
    """Call a function with arguments made for this call alone, since some can be read only once."""
    try:
        return Outcome(result=function(*arguments()))
    except Exception as error:
        return Outcome(raised=type(error), text=str(error))


def assert_same(name: str, arguments: Callable[[], tuple[Any, ...]]) -> Outcome:
    """Check that the helper of that name answers as the original does, and give the answer."""
    expected = outcome(getattr(original, name), arguments)
    actual = outcome(getattr(devicemap, name), arguments)
    if actual.raised is devicemap.DeviceMapError:
        # The one wanted difference: our class is the ValueError of the original and the AssertionError that it was.
        assert issubclass(devicemap.DeviceMapError, AssertionError)
        assert expected.raised is ValueError, (expected, actual)
        assert actual.text == expected.text
    else:
        assert actual.raised is expected.raised, (expected, actual)
        if name == "assert_device_map" and actual.raised is MemoryError:
            # The other: ours says what there is no memory for.
            assert actual.text.startswith("not enough memory for ")
        else:
            assert actual.text == expected.text
        assert _shape(actual.result) == _shape(expected.result)
    return actual


def _shape(result: object) -> object:
    """A result with all types and the order of keys in it, as something that compares by both."""
    if isinstance(result, dict):
        return type(result), [(_shape(key), _shape(value)) for key, value in result.items()]
    if isinstance(result, (list, tuple)):
        return type(result), [_shape(item) for item in result]
    return type(result), repr(result)
