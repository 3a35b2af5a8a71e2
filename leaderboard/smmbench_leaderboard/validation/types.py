"""What a metric is worth on some data."""

from __future__ import annotations

from smmbench.results import Stored


class Control(Stored):
    """Where a control stands under the metric.

    Attributes:
        label: Its label.
        mean: Of the metric over its videos.
        near: Whether its interval reaches that of the best method.
        allowed: Whether the user said that the metric is meant to rank it high.
    """

    label: str
    mean: float
    near: bool
    allowed: bool = False


class Stratum(Stored):
    """Agreement on choices of one kind.

    Attributes:
        kind: What the two videos differ in.
        agreement: Share of choices on which the metric prefers the better video.
        interval: 95 % over clips; None with one clip.
        choices: That counted.
    """

    kind: str
    agreement: float
    interval: tuple[float, float] | None
    choices: int


class Validation(Stored):
    """What a metric is worth on one set of data.

    Attributes:
        metric: Its name.
        kind: `choices`, `ratings`, `triplets` or `known motion`.
        data: Name of the data, or of the file.
        agreement: Share of choices on which the metric prefers the better video, 0 to 1; of known
            motion the mean over kinds of choices, each with the same weight. None where no choice
            is between two videos with a number; the last note says why.
        interval: 95 % over clips; None with one clip.
        choices: That counted.
        ties: Where people saw no difference; they are left out.
        unscored: Choices of videos without a number of the metric; they are left out.
        clips: Sources of the choices, as far as they are independent.
        strata: Agreement by kind of choice, where there are kinds.
        auc: Chance that a video with the source's motion scores above one with another motion,
            whatever their sources; None where there are no such videos.
        auc_interval: 95 % over clips.
        correlation: Spearman's, of the metric with ratings over all videos; None without ratings.
        correlation_interval: 95 % over clips.
        best: Label of the method with the highest mean of the metric, or of the video that has
            the source's motion; empty if there is none.
        controls: Where the controls stand.
        notes: What a reader must know, a sentence each.
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
        """Whether a control comes near the best: such a metric cannot rank methods."""
        return any(one.near and not one.allowed for one in self.controls)

    @property
    def beats_chance(self) -> bool:
        """Whether the interval of the agreement lies above one half."""
        return self.interval is not None and self.interval[0] > 0.5
