"""How the presets of the baselines were chosen, said once; their cards quote it."""

from __future__ import annotations

NOT_SEARCHED = "emoji: scaled to the embedded model, not searched"
NOTHING = "nothing to tune"


def best_of(settings: int) -> str:
    """What a card says where the preset is the best of so many settings of the laboratory."""
    return (
        f"emoji: the best of {settings} settings on emoji-val by text similarity plus motion "
        "fidelity, equal in weight"
    )


EIGHT = best_of(8)
GUIDED = best_of(4) + ", one edit a clip"  # of an earlier list; the laboratory has eight now
SMM_VARIANT = "emoji: the preset of SMM, not searched anew"
ONE_CLIP = NOT_SEARCHED  # the laboratory has eight settings for each
