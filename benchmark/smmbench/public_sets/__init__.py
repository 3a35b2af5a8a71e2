"""Sets that papers report on, read from copies in the layouts that are public.

Nothing is redistributed: prompts and clips stay where they are, and the manifest that is written
beside them has their hashes. Each set has a protocol of its own, and its name stands for it.
"""

from smmbench.public_sets.public_set import Entry, PublicSet
from smmbench.public_sets.real import real_protocol, take_real
from smmbench.public_sets.registry import PUBLIC_SETS
from smmbench.public_sets.taking import take_set

__all__ = ["PUBLIC_SETS", "Entry", "PublicSet", "real_protocol", "take_real", "take_set"]
