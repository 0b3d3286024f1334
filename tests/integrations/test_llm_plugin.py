"""The plugin of LLM, with LLM itself."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llm")

import localcollab as lc

_FILE = Path(__file__).parents[2] / "integrations" / "llm-localcollab" / "llm_localcollab.py"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    spec = importlib.util.spec_from_file_location("llm_localcollab", _FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "llm_localcollab", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.weights
def test_a_model_answers_as_run_does_and_says_who_wrote_it(plugin: Any, stories: Path) -> None:
    model = plugin.TeamModel("stories", load=lambda name: lc.load(stories, n_ctx=256))
    response = model.prompt("Once upon a time", temperature=0, max_tokens=12)
    with lc.load(stories, n_ctx=256) as team:
        wanted = team.generate("Once upon a time", temperature=0, max_tokens=12)
    assert response.text() == wanted.text
    assert response.response_json["authors"] == {"base": 12}
    assert [each["author"] for each in response.response_json["tokens"]] == ["base"] * 12
    assert response.usage().output == 12


@pytest.mark.weights
def test_a_conversation_goes_on(plugin: Any, stories: Path) -> None:
    model = plugin.TeamModel("stories", load=lambda name: lc.load(stories, n_ctx=256))
    conversation = model.conversation()
    first = conversation.prompt("Once upon", temperature=0, max_tokens=5).text()
    second = conversation.prompt(" and then", temperature=0, max_tokens=5)
    second.text()
    with lc.load(stories, n_ctx=256) as team:
        vocabulary = team.opened.model.vocabulary
        n_prompt = len(vocabulary.encode("Once upon" + first + " and then")) + 1
    assert abs(second.usage().input - n_prompt) <= 2


def test_what_is_installed_is_registered_by_name(plugin: Any) -> None:
    found: list[Any] = []
    plugin.register_models(found.append)
    assert [model.model_id for model in found] == ["localcollab/formulary"]
    plugin.register_embedding_models(found.append)
    assert len(found) == 1


def test_options_are_those_of_an_answer(plugin: Any) -> None:
    names = set(plugin.TeamModel.Options.model_fields)
    assert names <= set(lc.AnswerOptions.__annotations__)
