"""Teams of every method over the shipped models: opened from a catalogue, nested, and told apart."""

from pathlib import Path

import numpy as np
import pytest

from localcollab.catalog import SHIPPED, load_catalog
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadOption, MixtureMismatch
from localcollab.events import Finished
from localcollab.llama.options import Options
from localcollab.methods.mixtures import FittedMixture, save_mixture
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_catalog, with_choices
from localcollab.teams.session import Session

pytestmark = pytest.mark.weights

TEAMS = """
[teams.still]
method = "proxy"
base = "formulary-base"
expert = "formulary"
antiexpert = "arithmetic"
alpha = 0
[teams.contrasted]
method = "contrast"
expert = "formulary-base"
amateur = "arithmetic"
[teams.log]
method = "mixture"
members = ["formulary-base", "formulary"]
space = "log"
[teams.nested]
method = "deferral"
base = "formulary-base"
experts = ["formulary-proxy", "log"]
gate = "always"
[teams.fitted]
method = "mixture"
members = ["formulary-base", "formulary"]
fitted = "m"
[teams.drafted]
method = "calm"
base = "formulary-base"
experts = ["formulary", "draft"]
bridge = "formulary-calm"
draft = "draft"
[models.draft]
path = "{draft}"
[mixtures.m]
path = "m.json"
"""
DRAFT = SHIPPED / "formulary" / "arithmetic.gguf"
TOKENS = list(range(40, 60))


def opened(name: str, folder: Path) -> OpenTeam:
    path = folder / "models.toml"
    path.write_text(TEAMS.format(draft=DRAFT.as_posix()))
    catalog = load_catalog(path)
    return open_team(plan_from_catalog(catalog, catalog.team(name)), Options(n_ctx=256))


def test_a_proxy_of_alpha_0_is_its_base_bit_for_bit(tmp_path: Path) -> None:
    team = opened("still", tmp_path)
    base = opened("nested", tmp_path).base
    np.testing.assert_array_equal(
        team.model.read(TOKENS, last=5).logits, base.read(TOKENS, last=5).logits
    )
    assert list(team.members) == ["base", "formulary", "arithmetic"]


def test_a_contrast_is_its_formula_on_real_models(tmp_path: Path) -> None:
    team = opened("contrasted", tmp_path)
    reading = team.model.read(TOKENS)
    ours, theirs = (r.logits[-1].astype(np.float64) for r in reading.members.values())
    plausible = ours >= ours.max() + np.log(0.1)
    want = np.where(plausible, 1.5 * ours - 0.5 * theirs, -np.inf)
    np.testing.assert_allclose(reading.logits[-1], want, atol=1e-4)


def test_teams_stand_as_experts_and_their_members_are_the_authors(tmp_path: Path) -> None:
    team = opened("nested", tmp_path)
    assert list(team.members) == ["base", "formulary-proxy", "log"]
    assert list(team.verdicts) == [
        "base", "formulary-proxy/base", "formulary-proxy/formulary",
        "formulary-proxy/arithmetic", "log/formulary-base", "log/formulary",
    ]  # fmt: skip
    *_, done = Session(team).ask("Hello! Who are you?", limits=Limits(6))
    assert isinstance(done, Finished)
    assert done.authors
    assert all(author.split("/")[0] == "formulary-proxy" for author in done.authors)
    assert all(author.count("/") == 1 for author in done.authors)
    alone = opened("formulary-proxy", tmp_path).model.read(TOKENS).logits
    np.testing.assert_array_equal(team.model.read(TOKENS).logits, alone)


def test_the_draft_of_a_composition_may_be_one_of_its_experts(tmp_path: Path) -> None:
    team = opened("drafted", tmp_path)
    assert team.draft is not None
    assert list(team.members) == ["base", "formulary", "draft"]
    alike = opened("formulary-calm", tmp_path).model.read(TOKENS).logits
    np.testing.assert_array_equal(team.model.read(TOKENS).logits, alike)


def test_fitted_weights_speak_for_their_models_only(tmp_path: Path) -> None:
    sound = opened("log", tmp_path)
    shas = tuple(verdict.sha256 for verdict in sound.verdicts.values())
    vocabulary = sound.model.vocabulary.fingerprint
    fitted = FittedMixture(shas, (0.25, 0.75), vocabulary, "d")
    save_mixture(fitted, tmp_path / "m.json")
    reading = opened("fitted", tmp_path).model.read(TOKENS)
    p = [np.exp(r.logits[-1].astype(np.float64)) for r in reading.members.values()]
    want = np.log(0.25 * p[0] / p[0].sum() + 0.75 * p[1] / p[1].sum())
    np.testing.assert_allclose(reading.logits[-1], want, atol=1e-4)
    save_mixture(FittedMixture(shas[::-1], (0.25, 0.75), vocabulary, "d"), tmp_path / "m.json")
    with pytest.raises(MixtureMismatch, match="another file as member 1"):
        opened("fitted", tmp_path)


def test_gates_and_heads_are_refused_where_nobody_defers(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(TEAMS.format(draft=DRAFT.as_posix()))
    catalog = load_catalog(path)
    plan = plan_from_catalog(catalog, catalog.team("log"))
    with pytest.raises(BadOption, match="its method is mixture, which uses no gate"):
        with_choices(plan, gate="entropy")
