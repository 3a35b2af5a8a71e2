"""Agreement of a metric with data, as values."""

from __future__ import annotations

from smmbench.results import Stored


class Control(Stored):
    """The position of a control under the metric.

    Attributes:
        label: Label of the control.
        mean: Mean of the metric over its videos.
        near: Whether its interval overlaps that of the best method.
        allowed: Whether the user stated that the metric should rank it high.
    """

    label: str
    mean: float
    near: bool
    allowed: bool = False


class Stratum(Stored):
    """Agreement on choices of one kind.

    Attributes:
        kind: How the two videos differ.
        agreement: Share of choices on which the metric prefers the better video.
        interval: 95 % interval over clips; None with one clip.
        choices: Number of choices that count.
    """

    kind: str
    agreement: float
    interval: tuple[float, float] | None
    choices: int


class Validation(Stored):
    """Agreement of a metric with one set of data.

    Attributes:
        metric: Name of the metric.
        kind: `choices`, `ratings`, `triplets` or `known motion`.
        data: Name of the data, or of the file.
        agreement: Share of choices on which the metric prefers the better video, 0 to 1; for known
            motion the mean over kinds of choices, equally weighted. None if no choice is between
            two videos with a number; the last note states why.
        interval: 95 % interval over clips; None with one clip.
        choices: Number of choices that count.
        ties: Number of choices in which people saw no difference, which are left out.
        unscored: Number of choices of videos without a score, which are left out.
        clips: Number of independent sources of the choices.
        strata: Agreement by kind of choice, if there are kinds.
        auc: Probability that a video with the source's motion scores above one with another
            motion, whatever their sources; None if there are no such videos.
        auc_interval: 95 % interval over clips.
        correlation: Spearman's correlation of the metric with ratings over all videos; None
            without ratings.
        correlation_interval: 95 % interval over clips.
        best: Label of the method with the highest mean of the metric, or of the video that has
            the source's motion; empty if there is none.
        controls: Positions of the controls.
        notes: What a reader must know, one sentence each.
    """

    metric: str
    kind: str
    data: str = ""
    agreement: float | None
    interval: tuple[float, float] | None
    choices: int
    ties: int
    unscored: int
    clips: int
    strata: tuple[Stratum, ...] = ()
    auc: float | None = None
    auc_interval: tuple[float, float] | None = None
    correlation: float | None = None
    correlation_interval: tuple[float, float] | None = None
    best: str = ""
    controls: tuple[Control, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def dropped(self) -> bool:
        """Whether a control comes close to the best, so that the metric cannot rank methods."""
        return any(one.near and not one.allowed for one in self.controls)

    @property
    def beats_chance(self) -> bool:
        """Whether the interval of the agreement is above one half."""
        return self.interval is not None and self.interval[0] > 0.5
