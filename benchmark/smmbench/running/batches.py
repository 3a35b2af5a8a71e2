"""Batched work, with smaller batches after a failure."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from smmbench.environment import free_memory, peak_memory, reset_peak_memory, synchronize
from smmbench.errors import ToldToEndError
from smmbench.method.reporting import Series, collecting, series_of
from smmbench.running.failures import Stage, kind_of
from smmbench.storage.cached_cost import Kept, counting_kept

ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, eq=False)
class Outcome(Generic[ValueT]):
    """The outcome of one item.

    Attributes:
        value: The result; None if the item failed.
        error: The exception; None if the item did not fail.
        stage: The stage of the work.
        seconds: The time of the batch divided by its size, without earlier failed batches, and
            with the time that an earlier run spent on cached work.
        kept: The part of the seconds that an earlier run spent.
        peak: Peak memory in bytes during the batch.
        batch: The number of items in the batch.
        series: Series of numbers that the work reported for this item, by name.
    """

    value: ValueT | None
    error: BaseException | None
    stage: Stage
    seconds: float = 0.0
    peak: int = 0
    batch: int = 1
    kept: float = 0.0
    series: Series = field(default_factory=dict)


class Batches:
    """Does one kind of work in batches.

    A batch that fails is repeated in two halves, recursively, so that only the item at fault
    fails. After running out of memory, no later batch is larger than the half.

    Args:
        stage: The name of the work in records.
        size: Maximum number of items in a batch.
        device: The device on which the work computes.
    """

    def __init__(self, stage: Stage, size: int, device: str) -> None:
        self.stage: Stage = stage
        self.size = size
        self.device = device

    def run(
        self, work: Callable[[Sequence[ItemT]], Sequence[ValueT]], items: Sequence[ItemT]
    ) -> Iterator[Outcome[ValueT]]:
        """Return the outcome of each item, in order.

        Args:
            work: Returns one value for each item; any exception becomes an outcome.
            items: The items, of any number.
        """
        waiting = [items] if items else []
        while waiting:
            batch = waiting.pop(0)
            if len(batch) > self.size:
                waiting[:0] = [batch[: self.size], batch[self.size :]]
                continue
            outcomes = self._attempt(work, batch)
            if len(batch) > 1 and outcomes[0].error is not None:
                half = (len(batch) + 1) // 2
                if kind_of(outcomes[0].error) == "out-of-memory":
                    self.size = half
                waiting[:0] = [batch[:half], batch[half:]]
                continue
            yield from outcomes

    def _attempt(
        self, work: Callable[[Sequence[ItemT]], Sequence[ValueT]], batch: Sequence[ItemT]
    ) -> list[Outcome[ValueT]]:
        """Outcomes of one batch: values for all, or the same error for all."""
        values: Sequence[ValueT | None] = [None] * len(batch)
        failed: BaseException | None = None
        reset_peak_memory(self.device)
        clock = time.perf_counter()
        kept = Kept()
        series: Sequence[Series] = [{}] * len(batch)
        try:
            with counting_kept() as kept, collecting() as reports:
                values = work(batch)
            if len(values) != len(batch):
                raise ValueError(
                    f"{self.stage}_batch() must give one value for each of the {len(batch)} "
                    f"asked for, got {len(values)}."
                )
            synchronize(self.device)  # a GPU may still be at work
            series = series_of(reports, len(batch))
        except ToldToEndError:
            raise
        except (Exception, SystemExit) as error:  # sys.exit of a script's code ends the pair alone
            failed, values = error, [None] * len(batch)
            traceback.clear_frames(error.__traceback__)  # they hold the tensors of what failed
        count = max(len(batch), 1)
        earlier = kept.seconds / count
        seconds = (time.perf_counter() - clock) / count + earlier
        peak = max(peak_memory(self.device), kept.peak)
        if failed is not None:
            free_memory(self.device)
        return [
            Outcome(value, failed, self.stage, seconds, peak, len(batch), earlier, reported)
            for value, reported in zip(values, series, strict=True)
        ]
