"""The marks of a video, each with everything on which it depends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from smmbench.marks import RULES, Glance, Rule
from smmbench.metrics import Task
from smmbench.results import Mark
from smmbench.storage.array_cache import origin_key
from smmbench.video import Video


class SourceGlance:
    """Data derived from sources for marks; the last one is kept, because its outputs are adjacent.

    It takes up to about 300 MB.
    """

    def __init__(self) -> None:
        self._last: tuple[tuple[str, str], Glance] | None = None

    def of(self, task: Task, source: Callable[[], Video]) -> Glance:
        """A glance at the source of a task, which is read if it is not that of the last one."""
        given = task.clip.pixels_sha256, task.reference
        if self._last is None or self._last[0] != given:
            self._last = None  # its memory goes first
            self._last = given, Glance(source().frames)
        return self._last[1]


def marks_of_task(
    task: Task, source: Callable[[], Glance], kept: Iterable[Mark] = ()
) -> tuple[Mark, ...]:
    """Measure a video by every rule.

    Args:
        task: The video.
        source: Gives a glance at what the method was given, in normal form: the source, or another
            reference; asked only if something is measured.
        kept: Marks of an earlier run; a mark whose inputs are unchanged is returned as it is.

    Returns:
        A mark for each rule; a mark that could not be measured has no value, but a note.
    """
    earlier = {mark.name: mark for mark in kept}
    output = Glance(task.output.frames)
    found = []
    for rule in RULES:
        origin = _origin(rule, task)
        mark = earlier.get(rule.name)
        if mark is None or mark.value is None or mark.key != origin_key(origin):
            mark = _measured(rule, source, output, origin)
        found.append(mark)
    return tuple(found)


def _measured(
    rule: Rule, source: Callable[[], Glance], output: Glance, origin: dict[str, Any]
) -> Mark:
    value, note = None, ""
    try:
        value = rule.measure(source(), output)
    except ValueError as error:  # of this video, or its source is not here
        note = str(error)
    return Mark(
        name=rule.name,
        version=rule.version,
        value=value,
        threshold=rule.threshold,
        side=rule.side,
        note=note,
        key=origin_key(origin),
        origin=origin,
    )


def _origin(rule: Rule, task: Task) -> dict[str, Any]:
    """The inputs of a value: the rule and its version, and the pixels of both clips."""
    given = {"reference": task.reference} if task.reference != "forward" else {}
    return given | {
        "mark": rule.name,
        "version": rule.version,
        "source": task.clip.pixels_sha256,
        "output": task.pixels,
    }
