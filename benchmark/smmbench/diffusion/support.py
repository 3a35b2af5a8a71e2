"""On which families of backbones a method is defined, and how it stands to its paper there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from smmbench.diffusion.families import FAMILIES, Family

Status = Literal["original", "ported", "undefined"]


@dataclass(frozen=True)
class Support:
    """A method on one family.

    Attributes:
        status: `original`: as the paper has it, on the paper's kind of network. `ported`: the
            same idea on another. `undefined`: the network has nothing that the idea speaks of.
        note: What was ported how, or why it is undefined.
    """

    status: Status
    note: str = ""


def original(note: str = "") -> Support:
    """The paper's kind of network."""
    return Support("original", note)


def ported(note: str = "") -> Support:
    """Another kind of network, which has what the method needs."""
    return Support("ported", note)


def undefined(why: str) -> Support:
    """A network that lacks what the method needs."""
    return Support("undefined", why)


NO_LAYERS_OVER_TIME = (
    "it looks at or tunes layers over time alone, and here space and time attend jointly."
)
"""Why methods of 3D UNets do not carry over to transformers."""

EVERYWHERE: Mapping[str, Support] = {family.name: ported() for family in FAMILIES}
"""What needs nothing but a network that denoises."""


def check_support(title: str, families: Mapping[str, Support], family: Family) -> None:
    """Refuse a family on which a method is undefined.

    Raises:
        ValueError: It is; the message says why, and where the method is defined.
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
