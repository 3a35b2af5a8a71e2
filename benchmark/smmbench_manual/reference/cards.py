"""Cards of methods and metrics."""

from __future__ import annotations

import inspect

from smmbench.cli.method_description import MethodDescription, describe_all
from smmbench.metrics import all_metrics
from smmbench_manual.reference.markdown import code, page, table


def method_cards() -> str:
    """Write the card of every method that is offered.

    Raises:
        ValueError: One of them does not load.
    """
    parts = []
    for method in describe_all():
        if method.error or method.card is None:
            raise ValueError(f"The method {method.name} does not load: {method.error}")
        parts.append(_method(method))
    return page(
        "Method cards",
        "The output of `smmbench methods show NAME` for every registered method.",
        *parts,
    )


def _method(method: MethodDescription) -> str:
    assert method.card is not None
    card = {
        name.replace("_", " "): value if isinstance(value, str) else ", ".join(map(str, value))
        for name, value in vars(method.card).items()
        if value not in ("", (), None, False) and name != "title"
    }
    parts = [f"## {method.name}", method.card.title, table(["card", ""], card.items())]
    if method.families:
        parts += ["Families of backbones:", table(["family", "support"], method.families.items())]
    parts.append(
        table(
            ["parameter", "type", "default", "meaning"],
            [(code(p.name), p.type, code(p.default), p.help) for p in method.parameters],
        )
    )
    if method.presets:
        parts.append(
            table(
                ["preset", "sets"],
                [
                    (code(name), ", ".join(code(f"{k}={v}") for k, v in values.items()))
                    for name, values in method.presets.items()
                ],
            )
        )
    if method.search:
        searched = [(code(name), space) for name, space in method.search.items()]
        parts.append(table(["tuned parameter", "search space"], searched))
    return "\n\n".join(part for part in parts if part)


def metric_cards() -> str:
    """Write the card of every metric."""
    parts = []
    for metric in all_metrics():
        facts = [
            ("version", metric.version),
            ("range", f"{metric.minimum:.6g} to {metric.maximum:.6g} {metric.unit}".strip()),
            ("better", "higher" if metric.higher_is_better else "lower"),
            ("value of a pair without a video", f"{metric.worst:.6g}"),
            ("needs", ", ".join(metric.needs)),
            ("computed", "if requested by name" if metric.extra else "always"),
            ("source", metric.source),
            ("code", code(metric.describe()["code"])),
        ]
        text = inspect.cleandoc(inspect.getmodule(metric).__doc__ or "")
        parts += [
            f"## {metric.name}",
            f"{metric.title}. {metric.description}",
            table(["card", ""], [fact for fact in facts if fact[1] != ""]),
            text,
        ]
    return page(
        "Metric cards", "The output of `smmbench metrics show NAME` for every metric.", *parts
    )
