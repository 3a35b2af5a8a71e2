"""What the laboratory compares: the same budget of settings for each method, and ablations.

Steps, inversion steps and the guidance scale are the same for all methods in one sweep. Each
setting is written as on the command line (`--set name=value`) over the preset `emoji`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """A method with its parameters, under a short name."""

    name: str
    method: str
    changes: tuple[str, ...] = ()


def _smm(name: str, *changes: str) -> Setting:
    return Setting(f"smm {name}", "smm", changes)


_PAPER_RATES, _THRICE = "rates=0.007,0.004", "rates=0.021,0.012"

_SOFT, _HARD = "rates=0.02,0.01", "rates=0.05,0.025"
_FIVE, _TEN = "guided_steps=5", "guided_steps=10"

# Four settings for each of the guided baselines, around the scale that their paper's values have
# on this model: a few hundredths of the latent's spread in each step.
GUIDED: tuple[Setting, ...] = (
    *(
        Setting(f"moft {region} weight {weight}", "moft", (f"region={region}", f"weight={weight}"))
        for region, weight in (("moving", 100), ("moving", 300), ("moving", 1000), ("frame", 1000))
    ),
    *(
        Setting(f"motion-clone weight {weight}", "motion-clone", (f"weight={weight}",))
        for weight in (500, 1000, 2000, 4000)
    ),
    Setting("ditflow soft 5", "ditflow", (_SOFT, _FIVE)),
    Setting("ditflow soft 10", "ditflow", (_SOFT, _TEN)),
    Setting("ditflow hard 5", "ditflow", (_HARD, _FIVE)),
    Setting(
        "ditflow soft 10 coarse",
        "ditflow",
        (_SOFT, _TEN, "layers=up_blocks.1.attentions.1.transformer_blocks.0.attn1"),
    ),
    Setting("smm-ditflow soft 5", "smm-ditflow", (_SOFT, _FIVE)),
    Setting("smm-ditflow soft 10", "smm-ditflow", (_SOFT, _TEN)),
    Setting("smm-ditflow hard 5", "smm-ditflow", (_HARD, _FIVE)),
    Setting("smm-ditflow paper 10", "smm-ditflow", (_PAPER_RATES, _TEN)),
    Setting("smm-grid 2", "smm-grid", ("grid=2",)),
    Setting("smm-grid 3", "smm-grid", ("grid=3",)),
    Setting("smm-grid 4", "smm-grid", ("grid=4",)),
    Setting("smm-grid 2 low 4", "smm-grid", ("grid=2", "downsample=4")),
    Setting("smm-mask moving rest", "smm-mask", ("regions=moving,rest",)),
    Setting("smm-mask moving", "smm-mask", ("regions=moving",)),
    Setting("smm-mask moving frame", "smm-mask", ("regions=moving,frame",)),
    Setting("smm-mask moving rest low 4", "smm-mask", ("regions=moving,rest", "downsample=4")),
)

# Four settings for each of the methods that are tuned on one clip: tuned longer, or harder.
TUNED: tuple[Setting, ...] = tuple(
    Setting(
        f"{method} {steps} steps of {rate:g}",
        method,
        (f"tuning_steps={steps}", f"tuning_rate={rate}"),
    )
    for method, rates in (
        ("tune-a-video", (3e-4, 1e-3)),
        ("vmc", (1e-3, 3e-3)),
        ("motion-director", (2e-3, 5e-3)),
    )
    for steps in (50, 150)
    for rate in rates
)

# Eight settings a method with parameters to tune, four a guided or one-clip baseline. Text alone
# has none.
TUNING: tuple[Setting, ...] = (
    *(
        Setting(f"sdedit {strength:g}", "sdedit", (f"strength={strength}",))
        for strength in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
    ),
    *(
        Setting(
            f"ddim {'caption' if told else 'empty'} {steps}",
            "ddim",
            (f"inversion_prompt={told}", f"inversion_steps={steps}"),
        )
        for told in (True, False)
        for steps in (25, 50, 100, 200)
    ),
    *(
        _smm(
            f"low {low} rate x{factor} share {share:g}",
            f"downsample={low}",
            rates,
            f"guided_share={share}",
        )
        for low in (4, 2)
        for factor, rates in ((1, _PAPER_RATES), (3, _THRICE))
        for share in (0.4, 0.6)
    ),
    Setting("text-only", "text-only"),
    *GUIDED,
    *TUNED,
)

_BLOCK = "up_blocks.1"
_ALL = f"layers={_BLOCK}.upsamplers.0,{_BLOCK}.resnets.1.conv2,{_BLOCK}.temp_convs.1"

# One change at a time from the preset.
ABLATIONS: tuple[Setting, ...] = (
    _smm("preset"),
    _smm("no guidance", "iterations=0"),
    _smm("random start", "start=random"),
    _smm("inverted start", "start=inverted"),
    _smm("low 4", "downsample=4"),
    _smm("low 2", "downsample=2"),
    _smm("features full", "features=full"),
    _smm("features smm", "features=smm"),
    _smm("distance l2", "distance=l2"),
    _smm("means 2x2", "grid=2"),
    _smm("restart", "restart=true"),
    _smm("share 0.2", "guided_share=0.2"),
    _smm("share 0.4", "guided_share=0.4"),
    _smm("share 0.6", "guided_share=0.6"),
    _smm("30 iterations", "iterations=30"),
    _smm("three layers", _ALL),
    _smm("temporal convolution alone", f"layers={_BLOCK}.temp_convs.1"),
    _smm("convolution alone", f"layers={_BLOCK}.resnets.1.conv2"),
    _smm("upsampler alone", f"layers={_BLOCK}.upsamplers.0"),
    _smm("first block", "layers=up_blocks.0.temp_convs.1"),
    _smm("last block", "layers=up_blocks.2.temp_convs.1"),
)
