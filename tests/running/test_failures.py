"""Failures and progress, as a person reads them."""

from __future__ import annotations

import pytest

from smmbench.progress import duration, progress
from smmbench.running.failures import failure
from smmbench.video import VideoError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "out-of-memory"),
        (FloatingPointError("NaN in the latent"), "nan"),
        (VideoError("The video is cut."), "decode"),
        (RuntimeError("no"), "method-error"),
        (KeyError("layer"), "method-error"),
    ],
)
def test_the_kind_of_a_failure(error: Exception, kind: str) -> None:
    assert failure(error, "transfer").kind == kind


def test_a_full_gpu_is_out_of_memory() -> None:
    import torch

    found = failure(torch.cuda.OutOfMemoryError("CUDA out of memory. Tried\n to allocate"), "load")
    assert (found.kind, found.stage) == ("out-of-memory", "load")
    assert found.message.startswith("CUDA out of memory. Tried to allocate. Use a preset")
    assert "--set low_memory=true" in found.message
    assert "--batch" in found.message


def test_an_overflow_says_which_type_to_take() -> None:
    found = failure(FloatingPointError("NaN in guidance at timestep 981."), "transfer")
    assert found.message.startswith("NaN in guidance at timestep 981. ")
    assert "--set dtype=bfloat16" in found.message


def test_a_message_is_one_line_of_bounded_length() -> None:
    message = failure(ValueError("word \n" * 1000), "prepare").message
    assert "\n" not in message
    assert len(message) < 600
    assert message.startswith("ValueError: word word")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (90000.0, "25 h 00 min"),
    ],
)
def test_a_duration_as_a_person_says_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_plain_lines_on_stderr_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress(2, "pairs") as report:
        report("a/dog: 1 s")
        report("a/cat: failed", failed=True)
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert out == ""
    assert first.startswith("[1/2] a/dog: 1 s (")
    assert "pairs/min" in first
    assert "left" in first
    assert second.startswith("[2/2] a/cat: failed (")
    assert "left" not in second
