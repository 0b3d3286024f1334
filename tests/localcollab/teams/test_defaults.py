from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localcollab.catalog import load_catalog
from localcollab.catalog.settings import Settings
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption
from localcollab.teams.choice import TeamChoice
from localcollab.teams.defaults import CHAT_MAX_TOKENS, chat_limits, chat_sampling
from localcollab.teams.file_settings import recommended_sampling
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam

CATALOG = """
[models.mine]
path = "{base}"
sampling = {{ temperature = 0.9, top_k = 5 }}
system = "Be brief."
max_tokens = 7
n_ctx = 640
threads = 1

[teams.pair]
method = "deferral"
base = "mine"
experts = ["formulary"]
gate = "entropy"
sampling = {{ temperature = 0.2 }}
n_ctx = 320
"""
BASE = load_catalog().model("formulary-base").path


def team(settings: Settings | None = None, recommended: dict[str, float] | None = None) -> OpenTeam:
    found = SimpleNamespace(settings=settings or Settings(), recommended=recommended or {})
    return cast(OpenTeam, found)


def test_the_caller_comes_before_settings_before_the_file_before_the_defaults() -> None:
    settings = Settings(sampling={"top_k": 3, "temperature": 0.5})
    asked = team(settings, {"top_k": 9, "temperature": 0.6, "top_p": 0.8})
    given: dict[str, Any] = {"temperature": 0.7, "min_p": None}
    assert chat_sampling(asked, given) == Sampling(temperature=0.7, top_k=3, top_p=0.8, min_p=0.1)


def test_answers_from_documents_are_greedy() -> None:
    assert chat_sampling(team(None, {"temperature": 0.6}), {}, from_documents=True) == Sampling()


def test_answers_end_at_a_limit() -> None:
    assert chat_limits(team()).max_tokens == CHAT_MAX_TOKENS == 1024
    assert chat_limits(team(Settings(max_tokens=7))).max_tokens == 7
    assert chat_limits(team(Settings(max_tokens=7)), 9).max_tokens == 9
    assert chat_limits(team(Settings(stop=("\n",))), stop=("end",)).stop == ("end", "\n")


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        (
            {"general.sampling.temp": 0.6, "general.sampling.top_k": 20},
            {"temperature": 0.6, "top_k": 20},
        ),
        ({"general.sampling.temp": "hot", "general.sampling.top_p": -3.0}, {}),
        ({"general.sampling.temp": True, "general.sampling.top_k": float("inf")}, {}),
        ({"general.sampling.temp": float("nan")}, {}),
        ({"general.name": "x"}, {}),
    ],
)
def test_a_files_recommendation_is_taken_where_it_can_be_used(
    metadata: dict[str, object], found: dict[str, float]
) -> None:
    assert recommended_sampling(metadata) == found


def test_a_teams_settings_stand_over_its_bases(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(CATALOG.format(base=BASE), encoding="utf-8")
    plan = TeamChoice(team="pair", catalogs=(path,)).plan()
    assert plan.settings == Settings(
        sampling={"temperature": 0.2, "top_k": 5},
        n_ctx=320,
        threads=1,
        system="Be brief.",
        max_tokens=7,
    )
    assert TeamChoice(team="mine", catalogs=(path,)).plan().settings.n_ctx == 640


def test_a_fault_in_sampling_names_the_table(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(
        "[models.x]\npath = 'a.gguf'\nsampling = { temperatur = 1 }\n", encoding="utf-8"
    )
    (fault,) = load_catalog(path).faults
    assert (
        "[models.x.sampling] has the unknown key 'temperatur': did you mean temperature?"
        in fault.text
    )


@pytest.mark.weights
def test_settings_reach_the_open_model(tmp_path: Path) -> None:
    (tmp_path / "form.jinja").write_text("{% for m in messages %}<{{ m.content }}>{% endfor %}")
    path = tmp_path / "models.toml"
    text = CATALOG.format(base=BASE).replace("threads = 1", 'threads = 1\ntemplate = "form.jinja"')
    path.write_text(text, encoding="utf-8")
    opened = open_team(TeamChoice(team="mine", catalogs=(path,)).plan())
    assert opened.model.n_ctx == 640
    assert opened.settings.max_tokens == 7
    assert opened.template is not None
    assert opened.template.name == "form.jinja"


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(BadOption, match="`temperature` is -1"):
        chat_sampling(team(), {"temperature": -1})
