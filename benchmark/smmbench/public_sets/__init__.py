"""Public sets that papers report on, read from copies in their own layouts.

Nothing is redistributed: prompts and clips stay where they are, and a manifest with their hashes is
written next to them. Each set has its own protocol, which its name identifies.
"""

from smmbench.public_sets.public_set import Entry, PublicSet
from smmbench.public_sets.real import real_protocol, take_real
from smmbench.public_sets.registry import PUBLIC_SETS
from smmbench.public_sets.taking import take_set

__all__ = ["PUBLIC_SETS", "Entry", "PublicSet", "real_protocol", "take_real", "take_set"]
