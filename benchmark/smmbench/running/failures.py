"""Failures of methods as records, with advice on how to avoid them."""

from __future__ import annotations

import sys
from typing import Literal

from smmbench.errors import CommandError, FailureKind, VideoError
from smmbench.results import Failure

Stage = Literal["load", "prepare", "transfer", "write"]

ADVICE: dict[FailureKind, str] = {
    "out-of-memory": (
        "Use a preset or parameters that need less (--set low_memory=true where the method has "
        "it), a smaller --batch, or another --device."
    ),
    "nan": (
        "A wider type (--set dtype=bfloat16 or float32) or weaker guidance often helps; see the "
        "method's parameters."
    ),
    "method-error": "The traceback is in run.log.",
}

PRINTED = "What it printed is in command.log."


def failure(error: BaseException, stage: Stage) -> Failure:
    """Classify an exception that ended one pair."""
    kind = kind_of(error)
    said = " ".join(str(error).split()) or type(error).__name__
    called = isinstance(error, CommandError)
    if kind == "method-error" and not called:
        said = f"{type(error).__name__}: {said}"
    said = said[:500] if said.endswith((".", "!", "?")) else f"{said[:500]}."
    advice = PRINTED if called else ADVICE.get(kind, "")
    return Failure(kind=kind, stage=stage, message=f"{said} {advice}".strip())


def kind_of(error: BaseException) -> FailureKind:
    """Return the kind of failure of an exception."""
    if isinstance(error, MemoryError) or _is_cuda_out_of_memory(error):
        return "out-of-memory"
    if isinstance(error, CommandError):
        return error.kind
    if isinstance(error, FloatingPointError):
        return "nan"
    if isinstance(error, VideoError):
        return "decode"
    return "method-error"


def _is_cuda_out_of_memory(error: BaseException) -> bool:
    torch = sys.modules.get("torch")  # what was never imported did not raise
    return torch is not None and isinstance(error, torch.cuda.OutOfMemoryError)
