"""VQAScore: how probable does a vision-language model find "Yes", frame by frame?"""

from __future__ import annotations

from typing import Any

from smmbench.metrics.definition import Metric
from smmbench.metrics.measure import Measured, Task
from smmbench.metrics.resources import Resources, even_frames

VARIABLE = "SMMBENCH_VLM"
FRAMES = 8
QUESTION = "Does this figure show '{prompt}'? Please answer yes or no."


class YesProbability(Metric):
    """Asks a vision-language model whether single frames show what the prompt says."""

    name = "yes_probability"
    version = 1
    title = "VQAScore"
    description = (
        "Mean over 8 evenly spaced frames of the probability that a vision-language model answers "
        "with yes to whether the frame shows the prompt."
    )
    higher_is_better = True
    minimum, maximum, worst = 0.0, 1.0, 0.0
    needs = ("weights",)
    source = "Lin et al., ECCV 2024 (VQAScore), applied to frames"
    caution = (
        "it was not compared with people on motion transfer, depends on the model that the user "
        "names, and looks at single frames"
    )
    extra = True
    order = 107

    def __init__(self, resources: Resources) -> None:
        self._judge = resources.judge(VARIABLE)

    def origin(self, task: Task) -> dict[str, Any]:
        """The model, the question as the model is asked it, and how many frames it sees."""
        return {"judge": self._judge.origin(), "question": _question(task), "frames": FRAMES}

    def measure(self, task: Task) -> Measured:
        """Mean probability of "Yes"; the detail `no` is that of "No"."""
        shown = even_frames(len(task.output.frames), FRAMES)
        answers = self._judge.answers(task.output.frames[shown], _question(task))
        by_frame: dict[int, float] = dict(zip(shown.tolist(), answers[:, 0].tolist(), strict=True))
        every = tuple(by_frame.get(t) for t in range(len(task.output.frames)))
        return Measured(
            float(answers[:, 0].mean()),
            {"no": float(answers[:, 1].mean())},
            per_frame={self.name: every},
        )


def _question(task: Task) -> str:
    return QUESTION.format(prompt=task.prompt)
