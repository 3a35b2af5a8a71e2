"""A method under test: its calls on two clips, each made once, observed and cached."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from smmbench.conformance.watch.fingerprint import changes, fingerprint, network_fingerprint
from smmbench.conformance.watch.limits import TimeUpError, time_limit
from smmbench.conformance.watch.process import used_memory
from smmbench.conformance.watch.surroundings import PYTHON, put_back, stir, surroundings
from smmbench.conformance.watch.walking import held_bytes
from smmbench.conformance.world import Request, World
from smmbench.environment import peak_memory, reset_peak_memory, synchronize
from smmbench.errors import ToldToEndError
from smmbench.method import Method, Source
from smmbench.video import NormalForm, Video, VideoError, normal_form

What = Literal["surroundings", "source", "prepared", "networks"]
ValueT = TypeVar("ValueT")


class NoVideoError(Exception):
    """A transfer returned something other than a video of its clip."""


class RaisedError(Exception):
    """The method raised an error, or returned no video, where a check needed one.

    Args:
        stage: `building`, `prepare`, `transfer`, ...
        error: What it raised.
    """

    def __init__(self, stage: str, error: BaseException) -> None:
        self.stage = stage
        self.error = error
        verb = "gives" if isinstance(error, NoVideoError) else "raises"
        super().__init__(f"{stage} {verb} {self.told}")

    @property
    def told(self) -> str:
        """The error with the place it came from."""
        if isinstance(self.error, NoVideoError):
            return str(self.error)
        if isinstance(self.error, TimeUpError):
            return f"nothing: it is {self.error}"
        frames = traceback.extract_tb(self.error.__traceback__)
        where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
        return f"{type(self.error).__name__}: {self.error}{where}"


@dataclass(frozen=True)
class Change:
    """Something that a call changed.

    Attributes:
        what: Which kind of thing.
        stage: The call.
        places: What exactly, in words.
    """

    what: What
    stage: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """The result of a transfer.

    Attributes:
        given: The value itself.
        pixels: SHA-256 of its pixels as it was handed over; empty if it is no `Video`.
        seconds: How long it took.
    """

    given: Any
    pixels: str
    seconds: float


@dataclass(frozen=True)
class Memory:
    """Bytes after a call, and at its highest."""

    stage: str
    held: int  # by arrays and networks that the method holds
    used: int  # of the process; 0 where the system does not tell
    allocated: int  # on the GPU; 0 on a CPU
    peak: int


class Trial:
    """A method's class with parameters, and what its calls did.

    Args:
        method: The class.
        parameters: An instance of its `Parameters`.
        device: Where to compute.
        world: Clips and prompts.
        limit: Seconds that a call may take.
        reference: The method as it was asked for, so that another process can load it; empty: no
            other process is asked.
    """

    def __init__(
        self, method: type[Method[Any, Any]], parameters: Any, device: str, world: World,
        limit: int | float, reference: str = "",
    ) -> None:  # fmt: skip
        self.method = method
        self.parameters = parameters
        self.device = device
        self.world = world
        self.limit = limit
        self.reference = reference
        self.changes: list[Change] = []
        self.memory: list[Memory] = []
        self.made: dict[str, Made] = {}
        self.random_after: dict[str, str] = {}  # Python's random state, of calls that moved it
        self.seconds: dict[str, float] = {}
        self._done: dict[str, Any] = {}
        self._calls = 0
        self._sound = True  # whether the first transfer gave a video
        self._instances: dict[str, Any] = {}

    @property
    def control(self) -> bool:
        """Whether the card says that it is a control, which may ignore prompt and seed."""
        return getattr(getattr(self.method, "card", None), "kind", "") == "control"

    def instance(self, which: str = "first") -> Method[Any, Any]:
        """The method, built once for each name."""
        stage = "building" if which == "first" else f"building a {which} one"

        def build() -> Method[Any, Any]:
            return self.method(self.parameters, self.device)

        built = self._once(stage, build, watch={})
        self._instances[which] = built
        return built

    def prepared(self, clip: int, which: str = "first") -> tuple[Source, Any]:
        """What `prepare` gave for a clip, with the source that it was given."""
        method = self.instance(which)
        stage = f"prepare of {self._called(clip, which)}"
        key = f"source of {stage}"
        source = self._done.setdefault(key, self.world.source(clip))
        watch = {"networks": method, "source": source}
        return source, self._once(stage, lambda: method.prepare(source), watch)

    def transfer(self, request: Request, turn: str = "", which: str = "first") -> Made:
        """The video of a request; made again for each other `turn`."""
        source, prepared = self.prepared(request.clip, which)
        method = self.instance(which)
        stage = f"transfer of {request}{turn and f' ({turn})'}"
        if which != "first":
            stage += f" by a {which} one"
        return self._transfer(stage, method, source, prepared, request)

    def attempt(self, source: Source, request: Request, called: str) -> Made:
        """Prepare and transfer something unusual with the first instance."""
        method = self.instance()
        prepared = self._once(f"prepare of {called}", lambda: method.prepare(source), {})
        return self._transfer(f"transfer of {called}", method, source, prepared, request)

    def batch(self, requests: list[Request]) -> list[Any]:
        """What `transfer_batch` of what `prepare_batch` gave, for several requests.

        A clip is prepared once for all its requests, as a run does.
        """
        method = self.instance()
        clips = list(dict.fromkeys(request.clip for request in requests))
        sources = [self.world.source(clip) for clip in clips]
        prompts, seeds = [one.prompt for one in requests], [one.seed for one in requests]
        watch = {"networks": method, "source": sources}
        found = self._once("prepare_batch", lambda: list(method.prepare_batch(sources)), watch)
        if len(found) != len(clips):
            return []
        prepared = [found[clips.index(request.clip)] for request in requests]
        watch = {"networks": method, "source": sources, "prepared": found}
        made = self._once(
            "transfer_batch", lambda: list(method.transfer_batch(prepared, prompts, seeds)), watch
        )
        for request, given in zip(requests, made, strict=False):
            pixels = given.pixels_sha256 if isinstance(given, Video) else ""
            self.made.setdefault(f"transfer_batch, {request}", Made(given, pixels, 0.0))
        return made

    def _transfer(
        self, stage: str, method: Method[Any, Any], source: Source, prepared: Any, request: Request
    ) -> Made:
        def transfer() -> Any:
            return method.transfer(prepared, request.prompt, request.seed)

        watch = {"networks": method, "source": source, "prepared": prepared}
        given = self._once(stage, transfer, watch)
        if stage in self.made:
            return self.made[stage]
        fault = no_video(given, self.world.form, source)
        if not self.made:
            self._sound = not fault  # else the check on the video says so, once
        elif fault and self._sound:
            raise RaisedError(stage, NoVideoError(fault))
        pixels = given.pixels_sha256 if isinstance(given, Video) else ""
        self.made[stage] = Made(given, pixels, self.seconds[stage])
        return self.made[stage]

    def _once(self, stage: str, call: Callable[[], ValueT], watch: dict[str, Any]) -> ValueT:
        """Make a call if it was not made, and note what it changed; raise what it raised."""
        if stage not in self._done:
            self._done[stage] = self._watched(stage, call, watch)
        found = self._done[stage]
        if isinstance(found, RaisedError):
            raise found
        return found

    def _watched(self, stage: str, call: Callable[[], Any], watch: dict[str, Any]) -> Any:
        self._calls += 1
        stir(self._calls)
        state = surroundings()
        before = {what: _look(what, thing) for what, thing in watch.items()}
        reset_peak_memory(self.device)
        begin = time.monotonic()
        try:
            with time_limit(self.limit):
                found = call()
                synchronize(self.device)
        except ToldToEndError:
            raise
        except (Exception, SystemExit, TimeUpError) as error:
            found = RaisedError(stage, error)
        self.seconds[stage] = time.monotonic() - begin
        peak = peak_memory(self.device)
        after = surroundings()
        self.random_after[stage] = after.pop(PYTHON)
        if self.random_after[stage] == state.pop(PYTHON):
            del self.random_after[stage]
        self._note("surroundings", stage, _differing(state, after))
        put_back(state)
        changed = {what: changes(before[what], _look(what, thing)) for what, thing in watch.items()}
        if "networks" in changed:  # one that was loaded only now did not change
            known = {place.partition(": ")[0] for place in before["networks"]}
            changed["networks"] = [
                place for place in changed["networks"] if place.partition(": ")[0] in known
            ]
        if changed.get("source"):
            changed.pop("prepared", None)  # it may hold the same array
        for what, places in changed.items():
            self._note(what, stage, places)
        gc.collect(1)  # what the call left in circles; all would take long
        held = held_bytes(list(self._instances.values())[:1])
        self.memory.append(Memory(stage, held, used_memory(), _allocated(self.device), peak))
        return found

    def _note(self, what: Any, stage: str, places: list[str]) -> None:
        if places:
            self.changes.append(Change(what, stage, tuple(places)))

    def _called(self, clip: int, which: str) -> str:
        name = f"clip '{self.world.clips[clip].name}'"
        return name if which == "first" else f"{name} by a {which} one"


def no_video(given: Any, form: NormalForm, source: Source) -> str:
    """What is wrong with the result of a transfer, in words; empty if it is a video of its clip."""
    if not isinstance(given, Video):
        return f"a {type(given).__name__}, no Video"
    try:
        normal_form(given, replace(form, frames=len(source.video.frames)))
    except VideoError as error:
        return f"{len(given.frames)} frames: {error}"
    return ""


def shortened(source: Source, frames: int) -> Source:
    """The first frames of a clip, as a source of its own."""
    return replace(source, video=Video(source.video.frames[:frames].copy(), source.video.fps))


def _look(what: str, thing: Any) -> dict[str, str]:
    return network_fingerprint(thing) if what == "networks" else fingerprint(thing)


def _differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _allocated(device: str) -> int:
    if not device.startswith("cuda"):
        return 0
    import torch

    return torch.cuda.memory_allocated(device)
