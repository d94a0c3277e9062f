"""The original module, and a comparison of its functions with those of devicemap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from transformers.utils import model_parallel_utils as original

import devicemap

__all__ = ["Outcome", "assert_same", "original", "outcome"]


class Outcome(NamedTuple):
    """The outcome of a call: its result, or the type and text of its exception."""

    result: Any = None
    raised: type[BaseException] | None = None
    text: str = ""


def outcome(function: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]]) -> Outcome:
    """Call a function. The arguments are created for this call, since some can be read only once."""
    try:
        return Outcome(result=function(*arguments()))
    except Exception as error:
        return Outcome(raised=type(error), text=str(error))


def assert_same(name: str, arguments: Callable[[], tuple[Any, ...]]) -> Outcome:
    """Assert that a function of devicemap has the same outcome as the original, and return the outcome."""
    expected = outcome(getattr(original, name), arguments)
    actual = outcome(getattr(devicemap, name), arguments)
    if actual.raised is devicemap.DeviceMapError:
        # The first intentional difference: the original raises ValueError, and earlier versions raised AssertionError.
        assert issubclass(devicemap.DeviceMapError, AssertionError)
        assert expected.raised is ValueError, (expected, actual)
        assert actual.text == expected.text
    else:
        assert actual.raised is expected.raised, (expected, actual)
        if name == "assert_device_map" and actual.raised is MemoryError:
            # The second intentional difference: the message of devicemap names what does not fit in memory.
            assert actual.text.startswith("not enough memory for ")
        else:
            assert actual.text == expected.text
        assert _shape(actual.result) == _shape(expected.result)
    return actual


def _shape(result: object) -> object:
    """Return a value that is equal for results with the same types and order of keys only."""
    if isinstance(result, dict):
        return type(result), [(_shape(key), _shape(value)) for key, value in result.items()]
    if isinstance(result, (list, tuple)):
        return type(result), [_shape(item) for item in result]
    return type(result), repr(result)
