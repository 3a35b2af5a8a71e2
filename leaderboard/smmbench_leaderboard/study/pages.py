"""The page of a study: static, self-contained, and without the name of any method."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from jinja2 import Environment

from smmbench import __version__
from smmbench.display import plain
from smmbench.storage.atomic import write_text
from smmbench_leaderboard.site.scripts import write_data
from smmbench_leaderboard.site.templating import templates_of
from smmbench_leaderboard.study.plan import QUESTIONS, Plan

SHARED = ("site.css", "site.js")  # of the leaderboard's page
OWN = ("study.css", "study.js")

CONSENT = """You compare short videos that computer programs made, for about {minutes} minutes.
You may stop at any time, without a reason and without a disadvantage, by closing the page.
The page asks for no name, address or other personal data, and sends nothing. Your answers stay in \
this browser until you download them as a file. The file holds your choices, how long each took, \
the number of the form, and a random number. It is used to compare the programs, and may be \
published.
You can have your file removed later: its name, which holds the random number, is enough."""
"""What a rater agrees to, unless the study has another text, as an ethics board may require."""

SECONDS = 20  # of one choice, for the words above


@cache
def environment() -> Environment:
    """The environment of the template."""
    made = templates_of("smmbench_leaderboard.study")
    made.filters["shown"] = lambda text: plain(str(text), 200)
    return made


def write_pages(folder: Path, plan: Plan, consent: str = "") -> None:
    """Write the page, its scripts, and the data of each form.

    Args:
        folder: The public folder, which has the merged videos.
        plan: Plan of the study; what identifies methods is not written.
        consent: Text that raters agree to, one paragraph per line; empty for `CONSENT`.
    """
    _copy_assets(folder / "assets")
    trials = len(plan.forms[0].trials)
    text = consent or CONSENT.format(minutes=max(1, round(trials * SECONDS / 60)))
    facts = {
        "title": plan.title,
        "consent": [line for line in text.splitlines() if line.strip()],
        "forms": len(plan.forms),
        "version": __version__,
    }
    write_text(folder / "index.html", environment().get_template("study.html.j2").render(facts))
    about = {
        "study": plan.study,
        "forms": len(plan.forms),
        "questions": [[name, QUESTIONS[name]] for name in plan.questions],
    }
    write_data(folder / "data" / "study.js", "study", about)
    for form in plan.forms:
        shown = [
            [trial.id, trial.media, plain(plan.items[trial.item].prompt, 400)]
            for trial in form.trials
        ]
        write_data(folder / "data" / f"form-{form.number}.js", f"form-{form.number}", shown)


def _copy_assets(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for package, names in (
        ("smmbench_leaderboard.site", SHARED),
        ("smmbench_leaderboard.study", OWN),
    ):
        with as_file(files(package) / "assets") as assets:
            for name in names:
                shutil.copyfile(assets / name, target / name)
