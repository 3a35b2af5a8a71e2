"""Search spaces under the name that methods of other distributions import them by."""

from smmbench.method.search_space import Choices, LogRange, Range, Space

__all__ = ["Choices", "LogRange", "Range", "Space"]
