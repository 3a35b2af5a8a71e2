"""Base class of methods that are tuned on one clip: prepare tunes, transfer samples."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from typing_extensions import Doc

from smmbench.diffusion.denoiser import Denoiser, Latent, Text
from smmbench.diffusion.inversion import inversion_timesteps, invert
from smmbench.diffusion.method import DiffusionMethod, Prepared, Timing, timings, together
from smmbench.diffusion.noise import generators
from smmbench.diffusion.parameters import DiffusionParameters, refuse_below
from smmbench.diffusion.sampling import sample
from smmbench.method import Source
from smmbench.method.parameters import parameters_to_json
from smmbench.video import Video
from smmbench_baselines.one_clip.adapters import Adapter, cached_adapters
from smmbench_baselines.one_clip.shell import shell
from smmbench_baselines.one_clip.tuning import Plan

SAMPLING_ONLY = frozenset(
    {field.name for field in dataclasses.fields(DiffusionParameters)} - {"dtype"}
    | {"inversion_steps", "inversion_prompt", "checkpointing", "downsample"}
    | {"noise_prior", "spatial_scale"}
)
"""Parameters that do not affect the adapter (the model affects it through its weights)."""


@dataclass(frozen=True)
class OneClipParameters(DiffusionParameters):
    """Parameters that all methods tuned on one clip share."""

    tuning_steps: Annotated[int, Doc("AdamW steps on one clip.")] = 500
    tuning_rate: Annotated[float, Doc("Constant learning rate.")] = 3e-5
    tuning_seed: Annotated[int, Doc("Seed of all random draws in tuning.")] = 0
    checkpointing: Annotated[bool, Doc("Tune with less memory and a third more time.")] = True
    inversion_steps: Annotated[int, Doc("Steps of the source's DDIM inversion.")] = 50
    inversion_prompt: Annotated[
        bool, Doc("Invert with the source's caption instead of an empty prompt.")
    ] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_below(self, 0, "tuning_steps")
        if self.tuning_rate <= 0:
            raise ValueError(f"tuning_rate must be above 0, got {self.tuning_rate}.")
        refuse_below(self, 1, "inversion_steps")


ParametersT = TypeVar("ParametersT", bound=OneClipParameters)


@dataclass(frozen=True, eq=False)
class Tuned(Prepared):
    """A clip, inverted to the timestep at which sampling starts, and the adapter tuned on it.

    Attributes:
        adapter: Tensors by name, in the network's precision.
    """

    adapter: Adapter


class OneClipMethod(DiffusionMethod[ParametersT, Tuned]):
    """Tunes adapters on each clip and samples with them; the backbone is not changed.

    The clips of a batch are tuned in the same passes through the network, each with its own
    adapter, and sampled in the same way.
    """

    recipe: ClassVar[int] = 1  # raise it if the same parameters give another adapter

    @abstractmethod
    def tune(self, x: Latent, text: Text) -> tuple[list[Adapter], Float[Tensor, "step clip"]]:
        """Tune on each clip; return the adapters and the losses of all steps."""

    @abstractmethod
    def adapted(self, adapters: Sequence[Adapter]) -> Denoiser:
        """A network for batches, which uses adapter i for sample i."""

    @abstractmethod
    def start(self, inverted: Latent, draws: Sequence[Generator]) -> Latent:
        """The initial noise of sampling, from the inverted clips."""

    def tuning_prompt(self, source: Source) -> str:
        """The prompt that describes the clip while the network is tuned on it."""
        return source.prompt

    def inverting(self, adapters: Sequence[Adapter]) -> Denoiser:
        """The network that inverts the clips."""
        return self.adapted(adapters)

    def prepare_batch(self, sources: Sequence[Source]) -> list[Tuned]:
        """Encode the clips, tune or reuse the adapters of an earlier run, and invert."""
        x = self.encode(sources)
        adapters = self.adapters(sources, x)
        first = self.backbone.schedule.timesteps(self.parameters.steps)[0]
        timesteps = inversion_timesteps(
            self.backbone.schedule, self.parameters.inversion_steps, [first]
        )
        told = self.parameters.inversion_prompt
        inverted = invert(
            self.inverting(adapters),
            x,
            self.backbone.embed([source.prompt if told else "" for source in sources]),
            [t for t in timesteps if t <= first],
            keep=[first],
        )[first]
        return [
            Tuned(inverted[[i]], Timing.of(source), adapter)
            for i, (source, adapter) in enumerate(zip(sources, adapters, strict=True))
        ]

    def transfer_batch(
        self, prepared: Sequence[Tuned], prompts: Sequence[str], seeds: Sequence[int]
    ) -> list[Video]:
        """Sample with the target prompts and each clip's adapter."""
        parameters, schedule = self.parameters, self.backbone.schedule
        denoiser = self.adapted([one.adapter for one in prepared])
        text = self.embed(prompts)
        negative = self.backbone.embed([parameters.negative_prompt])
        x = sample(
            schedule,
            lambda x, t: denoiser.guided(
                x, t, text, negative, parameters.guidance, parameters.guidance_rescale
            ),
            self.start(together(prepared), generators(seeds)),
            schedule.timesteps(parameters.steps),
        )
        return self.videos(x, timings(prepared))

    def adapters(self, sources: Sequence[Source], x: Latent) -> list[Adapter]:
        """Adapters of these clips, from the cache if it has them."""

        def tuned(missing: Sequence[int]) -> list[Adapter]:
            prompts = [self.tuning_prompt(sources[i]) for i in missing]
            adapters, _ = self.tune(x[list(missing)], self.backbone.embed(prompts))
            return [self.rounded(adapter) for adapter in adapters]

        origins = [self.origin(source) for source in sources]
        return cached_adapters(origins, tuned, self.backbone.device)

    def origin(self, source: Source) -> dict[str, Any]:
        """Everything that the adapter of a clip depends on."""
        parameters = parameters_to_json(self.parameters)
        return {
            "method": type(self).__name__,
            "recipe": self.recipe,
            "parameters": {k: v for k, v in parameters.items() if k not in SAMPLING_ONLY},
            **self.backbone.origin(),
            "pixels": source.video.pixels_sha256,
            "prompt": self.tuning_prompt(source),
        }

    def rounded(self, adapter: Adapter) -> Adapter:
        """An adapter in the network's precision, as it is cached and used."""
        dtype = getattr(torch, self.parameters.dtype)
        return {name: tensor.to(dtype) for name, tensor in adapter.items()}

    def plan(self, decay: float = 0.0, longest: float = float("inf")) -> Plan:
        """The tuning plan that the parameters define."""
        parameters = self.parameters
        return Plan(
            steps=parameters.tuning_steps,
            rate=parameters.tuning_rate,
            seed=parameters.tuning_seed,
            decay=decay,
            longest=longest,
            half=parameters.dtype == "float16",
        )

    def shell(self) -> Denoiser:
        """The original network in our own modules; never a compiled one."""
        found = self.backbone.denoiser
        return dataclasses.replace(found, network=shell(found.network), compiled=None, graphs=None)
