"""SMM for `scaling.py`: it warms up, waits for the other workers, and then works normally."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import torch

from smmbench.errors import MachineError
from smmbench.method import Source
from smmbench.smm import SMM, Parameters

sys.path.insert(0, str(Path(__file__).parent))  # a method's file is loaded from any folder

from zeroscope_model import random_backbone
from zeroscope_pair import moving_square

LINE, COUNT, TINY = "SCALING_LINE", "SCALING_COUNT", "SCALING_TINY"
"""Environment variables: the folder where workers meet, their number, whether models are tiny."""

SECONDS_AT_THE_LINE = 1800.0
EMOJI, ZEROSCOPE, SMALL = (16, 128, 128), (24, 320, 576), (3, 64, 64)
"""Frames, height and width of the clips."""


def tiny() -> bool:
    """Whether this is a test of the script."""
    return os.environ.get(TINY) == "1"


class Emoji(SMM):
    """SMM on the embedded model of `emoji`."""

    def __init__(self, parameters: Parameters, device: str) -> None:
        super().__init__(parameters, device)
        warm_up(self, EMOJI)


class ZeroScope(SMM):
    """SMM on random weights of ZeroScope's size, the same in every process."""

    def __init__(self, parameters: Parameters, device: str) -> None:
        dtype = getattr(torch, parameters.dtype)
        super().__init__(parameters, device, random_backbone(device, dtype, tiny()))
        warm_up(self, SMALL if tiny() else ZEROSCOPE)

    def weights(self) -> dict[str, str]:
        """Return no hashes, so that nothing that is measured comes from a cache."""
        return {}


def warm_up(method: SMM, size: tuple[int, int, int]) -> None:
    """Run a pair of the clips' size, which compiles and records, then wait for the other workers.

    Raises:
        MachineError: Not all other workers arrived.
    """
    video = moving_square(size)
    source = Source("warm-up", video, "a square", lambda: video)
    method.transfer(method.prepare(source), "a warm square", 0)
    line = Path(os.environ[LINE])
    (line / f"{os.getpid()}").touch()
    end = time.monotonic() + SECONDS_AT_THE_LINE
    while len(list(line.iterdir())) < int(os.environ[COUNT]):
        if time.monotonic() > end:
            raise MachineError(f"Not all of {os.environ[COUNT]} workers arrived at the start.")
        time.sleep(0.01)
