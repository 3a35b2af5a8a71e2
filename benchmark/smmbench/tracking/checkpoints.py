"""Refuse a file that is not the checkpoint a tracker needs, and say what it is instead."""

from __future__ import annotations

import pickle
import textwrap
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from smmbench.storage.weights_hash import tensor_names

# A part of a tensor's name that no other model of the list has, as the models' own code names it.
_MODELS = (
    ("TAPIR or BootsTAPIR", "torch_pips_mixer."),
    ("TAPNext or TAPNext++", ".ssm_block."),
    ("CoTracker3", "updateformer.vis_conf_head."),
    ("CoTracker2", "updateformer.virual_tracks"),  # spelt so; CoTracker3 has it too, above
    ("AllTracker", "update_block.motion_encoder."),
)


def require_checkpoint(path: Path, title: str, source: str, spec: str) -> None:
    """Refuse a path where there is no file.

    Args:
        path: What the user named; empty if nothing.
        title: The tracker, as it is called in print.
        source: Where the checkpoint is from, and its licence.
        spec: How the tracker is named on the command line, with a path for example.

    Raises:
        ValueError: There is no file; the message says where to get one and how to name it.
    """
    if path.is_file():
        return
    if path == Path():
        reason = f"{title} needs a checkpoint, and none is named."
    elif path.is_dir():
        reason = f"'{path}' is a folder, not a checkpoint of {title}."
    else:
        reason = f"No {title} checkpoint '{path}'."
    raise ValueError(f"{reason} Fetch {source} and name the file: --tracker {spec}")


@contextmanager
def loading(path: Path, title: str, supported: str) -> Iterator[None]:
    """Turn what a model raises over another model's weights into a sentence.

    Args:
        path: The checkpoint, already known to hold tensors.
        title: The tracker that it was given to.
        supported: Which checkpoints that tracker takes, as full sentences.

    Raises:
        ValueError: The weights do not fit; the message says what the file holds.
    """
    try:
        yield
    except (RuntimeError, KeyError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"'{path}' does not load as weights of {title}: it holds "
            f"{_described(tensor_names(path))} ({_reason(error)}). {supported}"
        ) from error


def _described(names: Collection[str]) -> str:
    """What a file holds: a model that is known by its tensors' names, or a few of them."""
    count = f"{len(names)} tensor{'s' if len(names) != 1 else ''}"
    for model, part in _MODELS:
        if any(part in name for name in names):
            return f"the {count} of a model of {model}"
    shown = ", ".join(f"'{name}'" for name in sorted(names)[:3])
    return f"{count} of a model that is not known here, such as {shown}"


def _reason(error: Exception) -> str:
    """The first thing that did not fit; the head line of PyTorch's list says nothing."""
    if isinstance(error, pickle.UnpicklingError):
        return "it is not a file that PyTorch saved"  # its own words advise to switch safety off
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    detail = lines[1] if len(lines) > 1 else lines[0] if lines else type(error).__name__
    return textwrap.shorten(detail.rstrip(". "), 120, placeholder=" ...")
