"""Search spaces for tuning: the values of a parameter, as positions from 0 to 1.

A method declares its space on its class, and `smmbench tune` searches every method by the same
rule:

    search = {"strength": Range(0.3, 0.95), "rate": LogRange(0.001, 0.1), "grid": Choices(1, 2, 4)}
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, uniformly distributed; integers if both ends are."""

    low: int | float
    high: int | float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"A range rises from one number to another, got {self}.")

    def at(self, place: float) -> int | float:
        """The value at a place from 0 to below 1."""
        if _whole(self.low, self.high):
            return int(self.low) + math.floor(place * (int(self.high) - int(self.low) + 1))
        return _short(self.low + place * (self.high - self.low), self.low, self.high)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class LogRange:
    """Numbers from `low` to `high`, both above 0, uniformly distributed on a logarithmic scale."""

    low: int | float
    high: int | float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.high) and 0 < self.low < self.high):
            raise ValueError(f"A logarithmic range rises from above 0, got {self}.")

    def at(self, place: float) -> int | float:
        """The value at a place from 0 to below 1."""
        value = self.low * (self.high / self.low) ** place
        return round(value) if _whole(self.low, self.high) else _short(value, self.low, self.high)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}, logarithmic"


class Choices:
    """Discrete values, all equally likely.

    Args:
        values: At least two values of the parameter's type: `Choices((0.1, 0.2), (0.2, 0.4))`.
    """

    def __init__(self, *values: Any) -> None:
        if len(values) < 2:
            raise ValueError(f"Choices are at least two values, got {values}.")
        self.values = values

    def at(self, place: float) -> Any:
        """The value at a place from 0 to below 1."""
        return self.values[min(math.floor(place * len(self.values)), len(self.values) - 1)]

    def __str__(self) -> str:
        return " or ".join(_told(value) for value in self.values)

    def __repr__(self) -> str:
        return f"Choices{self.values}"


Space = Range | LogRange | Choices


def _whole(low: int | float, high: int | float) -> bool:
    return isinstance(low, int) and isinstance(high, int)


def _short(value: float, low: float, high: float) -> float:
    """Round to three digits, because more would suggest a precision that the search lacks."""
    return min(max(float(f"{value:.3g}"), low), high)


def _told(value: Any) -> str:
    """Format a value for `--set`."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(part) for part in value)
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
