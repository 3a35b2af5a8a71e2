"""The sets with a supported layout, by their names on the command line."""

from __future__ import annotations

from smmbench.public_sets.ditflow import DITFLOW
from smmbench.public_sets.five import FIVE
from smmbench.public_sets.loveu import LOVEU
from smmbench.public_sets.movebench import MOVEBENCH
from smmbench.public_sets.mtbench import MTBENCH
from smmbench.public_sets.public_set import PublicSet
from smmbench.public_sets.simmotion import SIMMOTION

PUBLIC_SETS: dict[str, PublicSet] = {
    "ditflow": DITFLOW,
    "five": FIVE,
    "loveu-tgve": LOVEU,
    "movebench": MOVEBENCH,
    "mtbench": MTBENCH,
    "simmotion": SIMMOTION,
}
