"""Calls whose exceptions do not matter, and costs that run user code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def quietly(function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Call, and let any Python exception pass for an answer."""
    try:
        function(*arguments, **options)
    except Exception:
        pass


class Number:
    """A cost that does something when it is asked for its number."""

    def __init__(self, meddle: Callable[[], Any]) -> None:
        self.meddle = meddle

    def __float__(self) -> float:
        self.meddle()
        return 0.5
