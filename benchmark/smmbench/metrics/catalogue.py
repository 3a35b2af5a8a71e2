"""The metrics of this distribution, found through the door that a stranger's are found by."""

from __future__ import annotations

from smmbench.metrics.catalogue_more import MORE
from smmbench.metrics.definition import Metric

TEXT_SIMILARITY = Metric(
    name="text_similarity",
    version=1,
    title="CLIP text similarity",
    description="Mean over frames of the cosine between embeddings of frame and prompt.",
    higher_is_better=True,
    minimum=-1.0,
    maximum=1.0,
    unit="",
    worst=-1.0,
    needs=("text-model",),
    loader="smmbench.metrics.measure_text:load",
    source="Radford et al., ICML 2021; Hessel et al., EMNLP 2021, without clamp and weight",
)

MOTION_FIDELITY = Metric(
    name="motion_fidelity",
    version=2,
    title="Motion fidelity",
    description="Mean, over both directions, of how well the moving tracks of one clip are "
    "found in the other; blind to speed.",
    higher_is_better=True,
    minimum=-1.0,
    maximum=1.0,
    unit="",
    worst=-1.0,
    needs=("tracks",),
    loader="smmbench.metrics.measure_motion:load",
    source="Yatim et al., CVPR 2024",
)


def _legacy(name: str, project: str, minimum: float = -1.0) -> Metric:
    return Metric(
        name=f"motion_fidelity_{name}",
        version=1,
        title=f"Motion fidelity by {project}'s script",
        description=f"What {project}'s script gives for these tracks, none where it gives NaN; "
        "for reading published numbers.",
        higher_is_better=True,
        minimum=minimum,
        maximum=1.0,
        unit="",
        worst=minimum,
        needs=("tracks",),
        loader="smmbench.metrics.measure_legacy:load",
        source=f"the public script of {project}",
        extra=True,
    )


LEGACY_DMT = _legacy("dmt", "DMT")
LEGACY_DITFLOW = _legacy("ditflow", "DiTFlow")
LEGACY_FIVE = _legacy("five", "FiVE-Bench")
LEGACY_DET = _legacy("det", "DeT")
LEGACY_IVEBENCH = _legacy("ivebench", "IVEBench", minimum=0.0)

# In the order of the columns; metrics of other distributions come after them.
OURS = (
    TEXT_SIMILARITY,
    MOTION_FIDELITY,
    *MORE,
    LEGACY_DMT,
    LEGACY_DITFLOW,
    LEGACY_FIVE,
    LEGACY_DET,
    LEGACY_IVEBENCH,
)
