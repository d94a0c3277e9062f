"""Number classes as users may define them."""

from __future__ import annotations


class FloatOnly:
    """A number that can be converted only to a float, or not at all if its value is None."""

    def __init__(self, value: float | None) -> None:
        self.value = value

    def __index__(self) -> int:
        raise TypeError("not an int")

    def __float__(self) -> float:
        if self.value is None:
            raise LookupError("__float__ fails")
        return self.value


class CustomInt(int):
    """A subclass of int whose ``str()`` differs from that of int, and whose comparison raises."""

    def __str__(self) -> str:
        return "\N{EURO SIGN}" * 50

    def __lt__(self, other: object) -> bool:
        raise LookupError("__lt__ fails")
