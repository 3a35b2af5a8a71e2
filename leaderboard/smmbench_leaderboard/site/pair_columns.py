"""Pairs of a row stored by column, so that 100 methods with 1,000 pairs fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

import numpy as np
from jaxtyping import Float64, UInt8, UInt16

from smmbench.scoring.counting import Key
from smmbench_leaderboard.board.types import Pair, Row, Status

STATUSES: tuple[Status, ...] = ("done", "failed", "missing", "unscored")
EMPTY = bytes(32)


@dataclass(frozen=True, eq=False)
class PairColumns(Sequence[Pair]):
    """A sequence of `Pair` that is stored by column and creates each pair on access.

    A `Pair` object takes more than a kilobyte of memory, a pair stored by column about 80 bytes.

    Attributes:
        keys: Clip, edit and seed of each pair.
        status: Index in `STATUSES`.
        failure: Kind of failure; empty if there is none.
        pixels: SHA-256 of each video's pixels; zeros without a video.
        names: Columns in which any pair has a value.
        values: Value of each pair in each column; NaN where it does not count.
        marks: Rules that mark each pair.
        batch: Number of pairs that were generated together.
    """

    keys: tuple[Key, ...]
    status: UInt8[np.ndarray, " pairs"]
    failure: tuple[str, ...]
    pixels: UInt8[np.ndarray, "pairs 32"]
    names: tuple[str, ...]
    values: Float64[np.ndarray, "pairs columns"]
    marks: tuple[tuple[str, ...], ...]
    batch: UInt16[np.ndarray, " pairs"]

    @staticmethod
    def of(pairs: Sequence[Pair]) -> PairColumns:
        """Store pairs by column."""
        names = tuple(dict.fromkeys(name for pair in pairs for name in pair.values))
        digests = b"".join(bytes.fromhex(pair.pixels_sha256) or EMPTY for pair in pairs)
        values = [[pair.values.get(name, np.nan) for name in names] for pair in pairs]
        return PairColumns(
            keys=shared_keys(tuple((pair.clip, pair.edit, pair.seed) for pair in pairs)),
            status=np.array([STATUSES.index(pair.status) for pair in pairs], dtype=np.uint8),
            failure=tuple(pair.failure for pair in pairs),
            pixels=np.frombuffer(digests, np.uint8).reshape(-1, 32),
            names=names,
            values=np.array(values, dtype=float).reshape(len(pairs), len(names)),
            marks=tuple(pair.marks for pair in pairs),
            batch=np.array([pair.batch for pair in pairs], dtype=np.uint16),
        )

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Pair]:
        return (self[place] for place in range(len(self)))

    @overload
    def __getitem__(self, place: int) -> Pair: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Pair]: ...
    def __getitem__(self, place: int | slice) -> Pair | Sequence[Pair]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        clip, edit, seed = self.keys[place]
        numbers = zip(self.names, self.values[place].tolist(), strict=True)
        return Pair(
            clip=clip,
            edit=edit,
            seed=seed,
            status=STATUSES[self.status[place]],
            failure=self.failure[place],
            pixels_sha256=self.hash_of(place),
            values={name: value for name, value in numbers if value == value},
            marks=self.marks[place],
            batch=int(self.batch[place]),
        )

    def hash_of(self, place: int) -> str:
        """SHA-256 of a video's pixels; empty without a video."""
        digest = self.pixels[place].tobytes()
        return "" if digest == EMPTY else digest.hex()

    def column(self, name: str) -> Float64[np.ndarray, " pairs"]:
        """Values of one column; all NaN if the row has no number in it."""
        if name not in self.names:
            return np.full(len(self), np.nan)
        return self.values[:, self.names.index(name)]


@lru_cache(maxsize=8)
def shared_keys(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """Return equal keys of an earlier row as the same object, to save memory."""
    return keys


def columnar(row: Row) -> Row:
    """Return the row with its pairs stored by column; it is used in the same way."""
    return row.model_copy(update={"pairs": PairColumns.of(row.pairs)})


def columns_of_pairs(row: Row) -> PairColumns:
    """Return a row's pairs by column, however they are stored."""
    pairs: Sequence[Pair] = row.pairs
    return pairs if isinstance(pairs, PairColumns) else PairColumns.of(pairs)
