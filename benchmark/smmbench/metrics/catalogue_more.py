"""What else people report: companions of the two axes. None of them ranks."""

from __future__ import annotations

from smmbench.metrics.definition import Metric

TEMPORAL_CONSISTENCY = Metric(
    name="temporal_consistency",
    version=1,
    title="Temporal consistency, consecutive frames",
    description="Mean cosine between the CLIP embeddings of each frame and the next; a frozen "
    "video has 1.",
    higher_is_better=True,
    minimum=-1.0,
    maximum=1.0,
    unit="",
    worst=-1.0,
    needs=("text-model",),
    loader="smmbench.metrics.measure_frames:load_consistency",
    source="as VideoGrain (Yang et al., ICLR 2025) and EditVerse report it",
)

TEMPORAL_CONSISTENCY_PAIRS = Metric(
    name="temporal_consistency_pairs",
    version=1,
    title="Temporal consistency, all pairs",
    description="Mean cosine between the CLIP embeddings of any two frames; a frozen video has 1.",
    higher_is_better=True,
    minimum=-1.0,
    maximum=1.0,
    unit="",
    worst=-1.0,
    needs=("text-model",),
    loader="smmbench.metrics.measure_frames:load_pairs",
    source="as LOVEU-TGVE (Wu et al., 2023) and FlexiAct report it",
)

FRAME_ACCURACY = Metric(
    name="frame_accuracy",
    version=1,
    title="Frame accuracy",
    description="Share of frames whose CLIP embedding is nearer to the target prompt than to the "
    "source's.",
    higher_is_better=True,
    minimum=0.0,
    maximum=1.0,
    unit="",
    worst=0.0,
    needs=("text-model", "source-prompt"),
    loader="smmbench.metrics.measure_frames:load_accuracy",
    source="FateZero, Qi et al., ICCV 2023",
    extra=True,  # not every dataset says what its clips show
)

FTD = Metric(
    name="ftd",
    version=1,
    title="Frechet trajectory distance",
    description="Root mean square of the discrete Frechet distance between tracks that begin at "
    "the same point; the frame is a unit square.",
    higher_is_better=False,
    minimum=0.0,
    maximum=2**0.5,
    unit="frames",
    worst=2**0.5,
    needs=("tracks",),
    loader="smmbench.metrics.measure_ftd:load",
    source="RoPECraft, arXiv 2505.13344; discrete Frechet distance by Eiter and Mannila, 1994",
    extra=True,
)

WARP_ERROR = Metric(
    name="warp_error",
    version=1,
    title="Warp error",
    description="Mean squared difference between each frame and the one before warped by the "
    "source's flow, colours from 0 to 1.",
    higher_is_better=False,
    minimum=0.0,
    maximum=1000.0,
    unit="thousandths",
    worst=1000.0,
    needs=("flow",),
    loader="smmbench.metrics.measure_flow:load_warp",
    source="Lai et al., ECCV 2018, with the source's flow as in VideoGrain and FLATTEN",
    extra=True,
)

END_POINT_ERROR = Metric(
    name="end_point_error",
    version=1,
    title="End-point error",
    description="Mean distance between the flow of source and output, over all pixels and steps.",
    higher_is_better=False,
    minimum=0.0,
    maximum=100.0,
    unit="% of the diagonal",
    worst=100.0,
    needs=("flow",),
    loader="smmbench.metrics.measure_flow:load_end_point",
    source="as V2VBench reports it",
    extra=True,
)

PICKSCORE = Metric(
    name="pickscore",
    version=1,
    title="PickScore",
    description="Mean over frames of what a model of human preferences says of frame and prompt.",
    higher_is_better=True,
    minimum=-100.0,
    maximum=100.0,
    unit="",
    worst=-100.0,
    needs=("weights",),
    loader="smmbench.metrics.measure_hub:load_pickscore",
    source="Kirstain et al., NeurIPS 2023",
    extra=True,
)

DINO_CONSISTENCY = Metric(
    name="dino_consistency",
    version=1,
    title="DINO consistency",
    description="Mean cosine between the DINOv2 embeddings of each frame, the first, and the one "
    "before; a frozen video has 1.",
    higher_is_better=True,
    minimum=-1.0,
    maximum=1.0,
    unit="",
    worst=-1.0,
    needs=("weights",),
    loader="smmbench.metrics.measure_hub:load_dino",
    source="as DeT and VBench (Huang et al., CVPR 2024) compare, by Oquab et al., TMLR 2024",
    extra=True,
)

MORE = (
    TEMPORAL_CONSISTENCY,
    TEMPORAL_CONSISTENCY_PAIRS,
    FRAME_ACCURACY,
    FTD,
    WARP_ERROR,
    END_POINT_ERROR,
    PICKSCORE,
    DINO_CONSISTENCY,
)
