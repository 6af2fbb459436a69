"""Every shipped recipe loads; a wrong one says file, key and the nearest valid key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from records.errors import UserError
from records.recipe import RECIPES, load_recipe

SHIPPED = sorted(path.stem for path in RECIPES.glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipe_loads(name: str) -> None:
    assert load_recipe(name).name == name


def test_smoke_and_local_are_shipped() -> None:
    assert {"smoke", "local"} <= set(SHIPPED)


def changed(tmp_path: Path, change: dict) -> str:
    values = yaml.safe_load((RECIPES / "smoke.yaml").read_text())
    for dotted, value in change.items():
        *parents, last = dotted.split(".")
        place = values
        for parent in parents:
            place = place[parent]
        place[last] = value
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"training.ift.tokenz": 5}, "unknown key training.ift.tokenz; did you mean tokens?"),
        ({"training.ift.tokens": "many"}, "training.ift.tokens must be int, not 'many'"),
        ({"training.ift.tokens": True}, "training.ift.tokens must be int, not True"),
        ({"corpus.mix.agent": 0.5}, "the shares must sum to 1"),
        ({"corpus.decontamination.benchmarks": "bfcl"}, "corpus.decontamination.benchmarks must be a list"),
        ({"corpus.calls.shares": {"call": 0.5}}, "corpus.calls.shares: the shares sum to 0.84"),
        ({"corpus.calls.tools": [0, 2]}, "corpus.calls: tools is [0, 2]; numbers from 1 to 6"),
        ({"release": []}, "release must be a mapping"),
    ],
)
def test_wrong_recipe_is_explained(tmp_path: Path, change: dict, said: str) -> None:
    path = changed(tmp_path, change)
    with pytest.raises(UserError) as caught:
        load_recipe(path)
    assert said in str(caught.value)
    assert path in str(caught.value)


def test_missing_key_is_named(tmp_path: Path) -> None:
    values = yaml.safe_load((RECIPES / "smoke.yaml").read_text())
    del values["training"]["stage2"]
    path = tmp_path / "short.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"training\.stage2 is missing"):
        load_recipe(str(path))


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean local"):
        load_recipe("lokal")


def test_exponents_and_whole_numbers_are_floats(tmp_path: Path) -> None:
    recipe = load_recipe(changed(tmp_path, {"training.ift.learning_rate": "1e-4", "training.ift.clip_gradient": 1}))
    assert recipe.training.ift.learning_rate == pytest.approx(1e-4)
    assert isinstance(recipe.training.ift.clip_gradient, float)


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("name: [")
    with pytest.raises(UserError) as caught:
        load_recipe(str(path))
    assert "\n" not in str(caught.value)


def test_a_recipe_extends_another(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: local\nname: mine\ncorpus: {filter: {threshold: 0.5}}\n")
    mine, local = load_recipe(str(path)), load_recipe("local")
    assert mine.corpus.filter.threshold == 0.5 != local.corpus.filter.threshold
    assert mine.corpus.mix == local.corpus.mix and mine.corpus.filter.epochs == local.corpus.filter.epochs
    path.write_text("extends: nowhere\nname: mine\n")
    with pytest.raises(UserError, match=r"mine\.yaml extends nowhere, and .*nowhere\.yaml does not exist"):
        load_recipe(str(path))
    path.write_text("extends: local\nname: mine\ncorpus: {mix: {agent: 0.5}}\n")
    with pytest.raises(UserError, match="the shares must sum to 1"):
        load_recipe(str(path))


def test_a_recipe_cannot_extend_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.recipe.RECIPES", tmp_path)
    (tmp_path / "one.yaml").write_text("extends: two\n")
    (tmp_path / "two.yaml").write_text("extends: one\n")
    with pytest.raises(UserError, match="extends itself"):
        load_recipe("one")


def test_ablations_cover_the_agent_share() -> None:
    shares = sorted(load_recipe(name).corpus.mix.agent for name in SHIPPED if name.startswith("local"))
    assert shares[0] == 0 and shares[-1] == 1 and 0.36 in shares
    assert load_recipe("local-no-filter").corpus.filter.threshold == 0
    assert load_recipe("local-no-retrieval").corpus.retrieval.min_score > 1, "a cosine"
