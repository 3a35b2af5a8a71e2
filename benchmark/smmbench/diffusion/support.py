"""The families of backbones on which a method is defined, and its status there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from smmbench.diffusion.families import FAMILIES, Family

Status = Literal["original", "ported", "undefined"]


@dataclass(frozen=True)
class Support:
    """The status of a method on one family.

    Attributes:
        status: `original`: as in the paper, on the paper's kind of network. `ported`: the same
            idea on another kind. `undefined`: the network lacks what the idea needs.
        note: What was changed in the port, or why the method is undefined.
    """

    status: Status
    note: str = ""


def original(note: str = "") -> Support:
    """The paper's kind of network."""
    return Support("original", note)


def ported(note: str = "") -> Support:
    """Another kind of network that has what the method needs."""
    return Support("ported", note)


def undefined(why: str) -> Support:
    """A network that lacks what the method needs."""
    return Support("undefined", why)


NO_LAYERS_OVER_TIME = (
    "it uses or tunes layers over time alone, and here attention is joint over space and time."
)
"""Why methods of 3D UNets do not carry over to transformers."""

EVERYWHERE: Mapping[str, Support] = {family.name: ported() for family in FAMILIES}
"""Support of a method that needs only a network that denoises."""


def check_support(title: str, families: Mapping[str, Support], family: Family) -> None:
    """Refuse a family on which a method is undefined.

    Raises:
        ValueError: It is undefined; the message says why, and where the method is defined.
    """
    support = families.get(family.name)
    if support is None or support.status != "undefined":
        return
    defined = [
        one.title for one in FAMILIES if families.get(one.name, support).status != "undefined"
    ]
    raise ValueError(
        f"{title} is undefined on {family.title}: {support.note} It is defined on "
        f"{'; '.join(defined) or 'no family'}."
    )
