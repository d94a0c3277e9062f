"""Comparison of the functions of devicemap with those of the original module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from transformers.utils import model_parallel_utils as original

import devicemap

__all__ = ["Outcome", "assert_same", "original", "outcome"]


class Outcome(NamedTuple):
    """The outcome of a call: the result, or the type and the message of the exception."""

    result: Any = None
    raised: type[BaseException] | None = None
    message: str = ""


def outcome(function: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]]) -> Outcome:
    """Call a function and return the outcome.

    ``arguments`` is a function that creates the arguments, since some of them can be read only once.
    """
    try:
        return Outcome(result=function(*arguments()))
    except Exception as error:
        return Outcome(raised=type(error), message=str(error))


def assert_same(name: str, arguments: Callable[[], tuple[Any, ...]]) -> Outcome:
    """Assert that a function of devicemap has the same outcome as the original, and return the outcome."""
    expected = outcome(getattr(original, name), arguments)
    actual = outcome(getattr(devicemap, name), arguments)
    if actual.raised is devicemap.DeviceMapError:
        # The first intentional difference: the original raises ValueError, and earlier versions raised AssertionError.
        assert issubclass(devicemap.DeviceMapError, AssertionError)
        assert expected.raised is ValueError, (expected, actual)
        assert actual.message == expected.message
    else:
        assert actual.raised is expected.raised, (expected, actual)
        if name == "assert_device_map" and actual.raised is MemoryError:
            # The second intentional difference: the original's message is empty.
            assert actual.message.startswith("not enough memory for ")
        else:
            assert actual.message == expected.message
        assert _shape(actual.result) == _shape(expected.result)
    return actual


def _shape(result: object) -> object:
    """Return a value that is equal for two results only if their types and the order of their keys are also equal."""
    if isinstance(result, dict):
        return type(result), [(_shape(key), _shape(value)) for key, value in result.items()]
    if isinstance(result, (list, tuple)):
        return type(result), [_shape(item) for item in result]
    return type(result), repr(result)
