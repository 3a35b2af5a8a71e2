"""Check this installation and list what is missing.

for check in examine():
    print(check.name, check.state, check.found, check.mend)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from smmbench.doctor import machine, parts, trying, weights
from smmbench.doctor.check import Check, guarded

__all__ = ["Check", "embedded_world_runs", "examine"]


def examine(online: bool = False) -> Iterator[Check]:
    """Run all checks in turn, without changing or downloading anything or using a network.

    Args:
        online: Check whether the hub answers.
    """
    yield from guarded("Python", machine.python, needed=True)
    yield from guarded("packages", machine.packages, needed=True)
    yield from guarded("devices", machine.devices, needed=True)
    yield from guarded("codecs", machine.codecs, needed=True)
    yield from guarded("video", trying.video, needed=True)
    yield from guarded("disk", machine.disk, needed=True)
    yield from guarded("bundled models", weights.carried, needed=True)
    yield from guarded("networks", trying.networks, needed=True)
    yield from guarded("text encoder", trying.text_encoder, needed=True)
    yield from guarded("datasets", parts.datasets, needed=True)
    yield from guarded("methods", parts.methods, needed=True)
    yield from guarded("trackers", parts.trackers, needed=True)
    yield from guarded("extras", trying.extras)
    yield from guarded("commands", parts.commands)
    yield from guarded("hub", partial(weights.hub, online))
    yield from guarded("text models", weights.text_models)


def embedded_world_runs(checks: Iterable[Check]) -> bool:
    """Whether everything that the embedded world needs works."""
    return all(check.state == "works" for check in checks if check.needed)
