"""Run every check on a method."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smmbench.conformance.checks.all_checks import CHECKS, Check
from smmbench.conformance.findings import Finding, Verdict, broken, skipped
from smmbench.conformance.trial import RaisedError, Trial
from smmbench.conformance.world import World, load_world
from smmbench.environment import choose_device, use_tensor_cores
from smmbench.method.parameters import build_parameters, choose_preset
from smmbench.resolving import load_class

DATASET = "emoji-val"
LIMIT = 600.0


@dataclass(frozen=True)
class Checked:
    """The verdicts of all checks.

    Attributes:
        method: The method as requested.
        device: The device that it ran on.
        findings: One per check, in order.
        prepare_seconds: Time of the first `prepare`; None if it did not complete.
        transfer_seconds: Time of the first `transfer`; None if there is no video.
        peak_memory_bytes: Peak memory; see `peak_memory`.
        seconds: Total time.
    """

    method: str
    device: str
    findings: tuple[Finding, ...]
    prepare_seconds: float | None
    transfer_seconds: float | None
    peak_memory_bytes: int
    seconds: float

    @property
    def broken(self) -> list[Finding]:
        """The failed checks."""
        return [finding for finding in self.findings if finding.outcome == "broken"]


@dataclass
class _State:
    """What later checks need of earlier ones."""

    method: Any
    trial: Trial | None = None
    findings: list[Finding] = field(default_factory=list)
    raised: dict[str, str] = field(default_factory=dict)  # what it raised: in which check

    def broke(self, *names: str) -> bool:
        return any(one.check in names and one.outcome == "broken" for one in self.findings)


def check_method(
    reference: str,
    *,
    preset: str | None = None,
    settings: Sequence[str] = (),
    device: str = "auto",
    dataset: str | Path = DATASET,
    quick: bool = False,
    another_process: bool = True,
    limit: int | float = LIMIT,
    report: Callable[[Finding], None] = lambda finding: None,
) -> Checked:
    """Run the conformance checks on a method.

    Args:
        reference: A method's name, or `path.py:Class`.
        preset: One of its presets; None for the one of the dataset's family, if any.
        settings: Parameters, each `name=value`.
        device: As `choose_device` takes it.
        dataset: Dataset whose first two clips are used.
        quick: Skip checks that need further clips, instances and requests.
        another_process: Also run the first request in another process, unless `quick`.
        limit: Time limit of one call, in seconds.
        report: Called with each finding when it is available.

    Raises:
        LookupError, ValueError: The method, preset or dataset does not exist.
    """
    begin = time.monotonic()
    checks = [check for check in CHECKS if check.quick or not quick]
    world, device = load_world(dataset), choose_device(device)
    use_tensor_cores(device)  # as a run does
    try:
        state = _State(load_class(reference))
    except ImportError as error:
        state = _State(None)
        verdict = broken(str(error), "Run `python path.py`: it must load without an error.")
        _add(state, checks[0], verdict, 0.0, report)
        checks = []
    for check in checks:
        start = time.monotonic()
        if not check.declared and state.trial is None and not state.broke("class"):
            named = reference if another_process else ""
            refused = _begin(state, world, preset, settings, device, limit, named)
        else:
            refused = None
        _add(state, check, refused or _verdict(check, state), time.monotonic() - start, report)
    trial = state.trial
    return Checked(
        method=reference,
        device=device,
        findings=tuple(state.findings),
        prepare_seconds=_first(trial, "prepare of "),
        transfer_seconds=_first(trial, "transfer of "),
        peak_memory_bytes=max((one.peak for one in trial.memory), default=0) if trial else 0,
        seconds=time.monotonic() - begin,
    )


def _begin(
    state: _State, world: World, preset: str | None, settings: Sequence[str], device: str,
    limit: int | float, reference: str,
) -> Verdict | None:  # fmt: skip
    """Make the trial; a verdict if the parameters do not allow it."""
    method = state.method
    if state.broke("parameters"):
        try:
            parameters = method.Parameters()
        except Exception:
            return skipped("there are no Parameters.")
    else:
        try:
            preset = choose_preset(method, preset, world.dataset.manifest.name)
            parameters = build_parameters(method, preset, settings)
        except (ValueError, LookupError):
            if state.broke("presets"):
                return skipped("the presets are broken.")
            raise  # what was asked for is wrong
    state.trial = Trial(method, parameters, device, world, limit, reference)
    return None


def _verdict(check: Check, state: _State) -> Verdict:
    if check.name != "class" and state.broke("class"):
        return skipped("the class is incomplete.")
    if check.declared:
        if check.name == "presets" and state.broke("parameters"):
            return skipped("the parameters are broken.")
        return check.verdict(state.method)
    if state.trial is None:
        return skipped("the method was not run.")
    if check.name != "runs" and state.broke("runs"):
        return skipped("an ordinary request raises an error.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a method may warn: of a prompt that is cut
            return check.verdict(state.trial)
    except RaisedError as failure:
        told = f"{type(failure.error).__name__}: {failure.error}"
        if told in state.raised:
            return skipped(f"{failure.stage} raises an error, as in '{state.raised[told]}'.")
        state.raised[told] = check.name
        return broken(f"{failure}.", "See the error; an ordinary request must give a video.")
    except Exception as error:
        return broken(
            f"the check could not be run: {type(error).__name__}: {error}.",
            "This is unexpected; please report it with your method's file.",
        )


def _add(
    state: _State, check: Check, verdict: Verdict, seconds: float, report: Callable[[Finding], None]
) -> None:
    finding = Finding(check.name, verdict.outcome, verdict.said, verdict.advice, seconds)
    state.findings.append(finding)
    report(finding)


def _first(trial: Trial | None, stage: str) -> float | None:
    """Seconds of the first call of a kind that did not raise."""
    done = trial.seconds if trial else {}
    return next((seconds for name, seconds in done.items() if name.startswith(stage)), None)
