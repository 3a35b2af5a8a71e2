"""Settings that the laboratory compares: an equal budget for each method, and ablations.

Steps, inversion steps and the guidance scale are the same for all methods of one search. Each
setting is written as on the command line (`--set name=value`) over the preset `emoji`; all settings
of one method name the same parameters, so that a preset chosen from them changes none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from smmbench.method.parameters import build_parameters
from smmbench.resolving import find_method

PRESET = "emoji"
BUDGET = 8
"""Number of settings that each tunable method tries."""


@dataclass(frozen=True)
class Setting:
    """A method with its parameters, under a short name."""

    name: str
    method: str
    changes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name as a label of `smmbench run`."""
        return re.sub(r"[^a-z0-9._-]+", "-", self.name.lower())


def distinct(settings: Iterable[Setting], changes: Sequence[str] = ()) -> list[Setting]:
    """Return settings without those whose parameters equal those of an earlier one.

    Invalid combinations remain, and are reported when they are run.

    Args:
        settings: Settings over the current presets.
        changes: Parameters that are set for all of them first.
    """
    first: dict[tuple[str, object], Setting] = {}
    for setting in settings:
        every = (*changes, *setting.changes)
        try:
            parameters: object = build_parameters(find_method(setting.method), PRESET, every)
        except ValueError:
            parameters = setting
        first.setdefault((setting.method, parameters), setting)
    return list(first.values())


# Seconds per output on one H200 (the board of 2026-11-24), if more than a few tenths. Only their
# order matters: the longest settings start first.
SECONDS = {
    "motion-director": 0.6, "tune-a-video": 0.5, "smm": 0.45, "smm-mask": 0.45, "smm-grid": 0.4,
    "vmc": 0.35, "ditflow": 0.3, "moft": 0.3, "smm-ditflow": 0.25, "motion-clone": 0.2,
    "sdedit": 0.15, "inversion-swap": 0.15, "text-only": 0.1,
}  # fmt: skip
_SCALED = {"tuning_steps": 100, "iterations": 10, "inversion_steps": 50}


def cost(setting: Setting) -> float:
    """Estimate the seconds per output, to order the work."""
    changed = dict(change.split("=", 1) for change in setting.changes)
    if changed.get("noise_prior", _PRIORS[0]) != _PRIORS[0]:
        return 0.2  # the adapters are those of the setting with the first prior
    factor = 1.0
    for name, usual in _SCALED.items():
        factor *= max(0.3, float(changed.get(name, usual)) / usual)
    return SECONDS.get(setting.method, 0.0) * factor


def longest_first(settings: Iterable[Setting]) -> list[Setting]:
    """Sort settings into a good order for several processes."""
    return sorted(settings, key=lambda setting: -cost(setting))


# Tuning: eight settings per method ----------------------------------------------------------------

# What guides 25 steps of the embedded model up to a share of T, as a noise level.
_GUIDED_TO = {0.2: 0.9, 0.4: 0.74, 0.6: 0.57}
_FIRST = {5: 0.9, 10: 0.74, 15: 0.57}  # the same of the first steps of 25
_RATES = {"x1": "rates=0.007,0.004", "x3": "rates=0.021,0.012"}  # x1: the SMM paper's

SMM: tuple[Setting, ...] = tuple(
    Setting(
        f"smm low {low} rate {rate} share {share:g}",
        "smm",
        (f"downsample={low}", _RATES[rate], f"guided_to={_GUIDED_TO[share]}"),
    )
    for low, rate, share in product((4, 2), _RATES, (0.4, 0.6))
)

# The variants of SMM: their own parameter and the start, then the rate or the share.
SMM_VARIANTS: tuple[Setting, ...] = (
    *(
        Setting(
            f"smm-grid {grid} low {low} rate {rate}",
            "smm-grid",
            (f"grid={grid}", f"downsample={low}", _RATES[rate]),
        )
        for grid, low, rate in (
            *((grid, low, "x1") for grid in (2, 3, 4) for low in (2, 4)),
            *((2, 2, "x3"), (3, 2, "x3")),
        )
    ),
    *(
        Setting(
            f"smm-mask {regions} low {low} rate {rate} share {share:g}",
            "smm-mask",
            (
                f"regions={regions.replace(' ', ',')}",
                f"downsample={low}",
                _RATES[rate],
                f"guided_to={_GUIDED_TO[share]}",
            ),
        )
        for regions, low, rate, share in (
            *(
                (regions, low, "x1", 0.4)
                for regions in ("moving rest", "moving", "moving frame")
                for low in (2, 4)
            ),
            *(("moving rest", 2, "x3", 0.4), ("moving rest", 2, "x1", 0.6)),
        )
    ),
)

_SOFTEST, _SOFT, _HARD = "rates=0.01,0.005", "rates=0.02,0.01", "rates=0.05,0.025"
_HARDEST = "rates=0.1,0.05"
_DESCENT = {
    f"{name} {steps}": (rates, f"guided_to={_FIRST[steps]}")
    for (name, rates), steps in product((("soft", _SOFT), ("hard", _HARD)), (5, 10, 15))
}
_WINDOWS = {  # of MOFT: steps of 25, first and one past the last
    (3, 12): ("guided_from=0.95", "guided_to=0.67"),
    (0, 15): ("guided_from=1", "guided_to=0.57"),
}
_SPREAD = {0.4: 0.723, 0.6: 0.5543}  # of MotionClone: timesteps 600 and 400 of 1000
_LEVELS = {  # of SDEdit: what 25 steps reach at most, by share of T
    0.3: 0.47, 0.4: 0.57, 0.5: 0.64, 0.6: 0.74, 0.7: 0.8, 0.8: 0.9, 0.9: 0.95, 0.95: 0.97
}  # fmt: skip
_ATTENTION = "transformer_blocks.0.attn1"
_EIGHTH = f"up_blocks.1.attentions.1.{_ATTENTION}"  # 8x8 places
_FULL = f"up_blocks.2.attentions.1.{_ATTENTION}"  # 16x16 places

# The guided baselines, around the scale that their papers' values have on this model: a few
# hundredths of the latent's spread in each step.
GUIDED: tuple[Setting, ...] = (
    *(
        Setting(
            f"moft {region} weight {weight} steps {first} to {end}",
            "moft",
            (f"region={region}", f"weight={weight}", *_WINDOWS[first, end], "reference_level=0.43"),
        )
        for region, weight, (first, end) in (
            *product(("moving",), (100, 1000, 3000), ((3, 12), (0, 15))),
            *product(("frame",), (1000,), ((3, 12), (0, 15))),
        )
    ),
    *(
        Setting(
            f"motion-clone weight {weight} share {share:g}",
            "motion-clone",
            (f"weight={weight}", f"guided_to={_SPREAD[share]}", "reference_level=0.5547"),
        )
        for weight, share in product((1000, 2000, 4000, 8000), (0.4, 0.6))
    ),
    *(
        Setting(f"ditflow {name}", "ditflow", (*changes, f"layers={layer}"))
        for name, changes, layer in (
            *((name, changes, _EIGHTH) for name, changes in _DESCENT.items()),
            ("softest 10", (_SOFTEST, "guided_to=0.74"), _EIGHTH),
            ("soft 5 fine", (_SOFT, "guided_to=0.9"), _FULL),
        )
    ),
    *(
        Setting(f"smm-ditflow {name}", "smm-ditflow", changes)
        for name, changes in (
            *_DESCENT.items(),
            ("softest 10", (_SOFTEST, "guided_to=0.74")),
            ("hardest 10", (_HARDEST, "guided_to=0.74")),
        )
    ),
)

_PRIORS = ("0.5", "0.8")

# Methods that are tuned on one clip: tuned for more steps or at higher rates; MotionDirector, whose
# initial noise is a mixture, also with noise nearer to the clip's.
TUNED: tuple[Setting, ...] = (
    *(
        Setting(
            f"{method} {steps} steps of {rate:g}",
            method,
            (f"tuning_steps={steps}", f"tuning_rate={rate}"),
        )
        for method, rates in (
            ("tune-a-video", (1e-4, 3e-4, 5e-4, 1e-3)),
            ("vmc", (3e-4, 1e-3, 2e-3, 3e-3)),
        )
        for steps, rate in product((50, 150), rates)
    ),
    *(
        Setting(
            f"motion-director {steps} steps of {rate:g} prior {prior}",
            "motion-director",
            (f"tuning_steps={steps}", f"tuning_rate={rate}", f"noise_prior={prior}"),
        )
        for prior, steps, rate in product(_PRIORS, (50, 150), (2e-3, 5e-3))
    ),
)

# `text-only` has nothing to tune and is included as it is.
TUNING: tuple[Setting, ...] = (
    *(
        Setting(f"sdedit {strength:g}", "sdedit", (f"noise_level={level}",))
        for strength, level in _LEVELS.items()
    ),
    *(
        Setting(
            f"ddim {'caption' if told else 'empty'} {steps}",
            "inversion-swap",
            (f"inversion_prompt={told}", f"inversion_steps={steps}"),
        )
        for told, steps in product((True, False), (25, 50, 100, 200))
    ),
    *SMM,
    Setting("text-only", "text-only"),
    *SMM_VARIANTS,
    *GUIDED,
    *TUNED,
)

# Ablations: one change at a time from SMM as its preset is, or as `--set` makes it ----------------

_CONVOLUTION, _TEMPORAL, _UPSAMPLER = "resnets.1.conv2", "temp_convs.1", "upsamplers.0"


def _smm(name: str, *changes: str) -> Setting:
    return Setting(f"smm {name}", "smm", changes)


def _layers(block: int, *layers: str) -> str:
    return "layers=" + ",".join(f"up_blocks.{block}.{layer}" for layer in layers)


# `distinct` leaves out settings that equal the base, whatever its values.
ABLATIONS: tuple[Setting, ...] = (
    _smm("base"),
    _smm("no guidance", "iterations=0"),
    _smm("random start", "start=random"),
    _smm("inverted start", "start=inverted"),
    _smm("low 2", "downsample=2"),
    _smm("low 4", "downsample=4"),
    _smm("features full", "features=full"),
    _smm("features means", "features=smm"),
    _smm("distance l2", "distance=l2"),
    _smm("means 2x2", "grid=2"),
    _smm("restart", "restart=true"),
    _smm("share 0.2", "guided_to=0.9"),
    _smm("share 0.4", "guided_to=0.74"),
    _smm("share 0.6", "guided_to=0.57"),
    _smm("rate x1", _RATES["x1"]),
    _smm("rate x3", _RATES["x3"]),
    _smm("30 iterations", "iterations=30"),
    # The preset `emoji-fast`, where the base has a guided share of .4 and three times the rate.
    _smm("16 steps of 5", "steps=16", "inversion_steps=16", "iterations=5"),
    _smm("block 0", _layers(0, _UPSAMPLER, _CONVOLUTION, _TEMPORAL)),
    _smm("block 2", _layers(2, _CONVOLUTION, _TEMPORAL)),  # it has no upsampler
    _smm("upsampler alone", _layers(1, _UPSAMPLER)),
    _smm("convolution alone", _layers(1, _CONVOLUTION)),
    _smm("temporal alone", _layers(1, _TEMPORAL)),
    _smm("temporal of block 0", _layers(0, _TEMPORAL)),
    _smm("temporal of block 2", _layers(2, _TEMPORAL)),
)

# Few steps, refined as in the preset `fast`, beside the paper's 999.
INVERSIONS: tuple[Setting, ...] = (
    _smm("base"),
    _smm("inversion 999", "inversion_steps=999"),
    _smm("inversion 25 refined", "inversion_steps=25", "inversion_refinements=1"),
    _smm("inversion 50 refined", "inversion_steps=50", "inversion_refinements=1"),
    _smm("inversion 50 refined twice", "inversion_steps=50", "inversion_refinements=2"),
)

SETS: dict[str, Sequence[Setting]] = {
    "tune": TUNING,
    "ablate": ABLATIONS,
    "inversion": INVERSIONS,
}

# The board: labels with their methods, as their presets are unless something is set ---------------

CONTROLS = (
    *("source-copy", "vae-round-trip", "frozen", "reversed", "shuffled"),
    *("other-clip", "noise", "near-copy", "recoloured-copy", "turned-copy", "delayed-copy"),
    *("texture-still", "overlay-still", "inset-still", "flow-still"),
)

BOARD: tuple[Setting, ...] = (
    *(
        Setting(method, method)
        for method in (
            *("smm", "smm-grid", "smm-mask", "smm-ditflow", "inversion-swap", "text-only"),
            *("motion-clone", "moft", "ditflow", "tune-a-video", "vmc", "motion-director"),
        )
    ),
    *(Setting(f"sdedit-{s}", "sdedit", (f"noise_level={_LEVELS[s]}",)) for s in (0.6, 0.8, 0.95)),
    *(Setting(control, control) for control in CONTROLS),
)
