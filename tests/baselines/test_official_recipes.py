"""The bundled recipes: complete, found by name, and consistent with what they state."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from smmbench.cli.method_description import describe
from smmbench.external.install.checkout import SetupError
from smmbench.external.recipe.finding import recipe_names, recipe_path
from smmbench.external.recipe.schema import Recipe, load_recipe
from smmbench.resolving import distribution_of, find_method, label_of, method_names

ROOT = Path(__file__).parents[2]


def test_the_nine_are_offered_beside_the_methods() -> None:
    names = {"smm", "tune-a-video", "tokenflow", "control-a-video", "motion-director", "vmc"}
    names |= {"motion-clone", "moft", "ditflow"}
    assert {f"official-{name}" for name in names} <= set(recipe_names())
    assert not set(recipe_names()) & set(method_names())


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_a_method_that_is_not_set_up_yet(name: str) -> None:
    described = describe(name)
    card = described.card
    assert card is not None and card.paper and card.licence and card.backbone and card.values
    assert label_of(name) == name and distribution_of(name) == "smmbench"
    assert all(one.type != "object" for one in described.parameters)
    method = find_method(name)
    with pytest.raises(SetupError, match=f"Run `smmbench methods setup {name}`"):
        method(method.Parameters(), "cpu")


@pytest.mark.parametrize("name", recipe_names())
def test_the_page_has_the_recipe_and_its_commit(name: str) -> None:
    recipe = load_recipe(recipe_path(name))
    page = (ROOT / "benchmark/docs/official.md").read_text("utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
    assert recipe.code.repository in row and f"`{recipe.code.commit[:7]}`" in row
    assert "none stated" in row or recipe.code.licence.removesuffix("-only") in row


def test_every_parameter_of_a_recipe_is_used() -> None:
    for name in recipe_names():
        text = recipe_path(name).read_text("utf-8")
        for parameter in load_recipe(recipe_path(name)).parameters:
            assert f"{{{parameter}}}" in text, f"{name}: {parameter} changes nothing"


def test_the_scripts_in_recipes_are_python() -> None:
    recipe = load_recipe(recipe_path("official-moft"))
    for file in (*recipe.prepare.files, *recipe.transfer.files):
        ast.parse(file.content)


def test_the_recipe_of_the_page_is_one() -> None:
    page = (ROOT / "benchmark/docs/recipes.md").read_text("utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    recipe = Recipe.model_validate(tomllib.loads(text))
    assert recipe.parameters["strength"].default == 0.5
