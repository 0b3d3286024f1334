"""`prompt = "own"`: an expert is given the conversation in its own chat template, turn by turn."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from chat_templates import CHATML
from fakes import ScriptedModel, byte_vocabulary
from localcollab.catalog import parse_catalog
from localcollab.chat.own_form import OwnForm
from localcollab.chat.template import ChatTemplate, Message
from localcollab.chat.transcript import Turn
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadCatalog, BadOption
from localcollab.language_model import OnChunk, Reading
from localcollab.llama.options import Options
from localcollab.methods.deferral import DeferralTeam
from localcollab.methods.gates import always
from localcollab.server.asking import chat_tokens
from localcollab.teams.open import Files
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import Member, plan_from_catalog, plan_from_files, with_choices
from localcollab.teams.session import Session
from localcollab.vocabularies.prompts import OwnPrompts, PromptedModel

OWN = ChatTemplate("{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}>")
LIMITS = Limits(max_tokens=2)


class Listening(ScriptedModel):
    """Remembers the texts that it was asked after."""

    def __init__(self, name: str) -> None:
        super().__init__(b"ok" * 200, name=name)
        self.texts: list[str] = []

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        self.texts.append(bytes(t for t in tokens if t < 256).decode())
        return super().read(tokens, last=last, hidden=hidden, on_chunk=on_chunk)


def team() -> tuple[OpenTeam, Listening]:
    base, expert, prompts = ScriptedModel(b"ok"), Listening("expert"), OwnPrompts()
    model = DeferralTeam("t", base, [PromptedModel(expert, prompts)], always(1))
    form = OwnForm(OWN, byte_vocabulary(), prompts)
    return OpenTeam("t", model, {"base": base}, {}, CHATML, own_forms=(form,)), expert


def test_each_turn_is_asked_in_the_experts_own_form() -> None:
    opened, expert = team()
    session = Session(opened, system="Be brief.")
    list(session.ask("Why?", limits=LIMITS))
    assert expert.texts[0] == "[system] Be brief.\n[user] Why?\n>"
    expert.texts.clear()
    list(session.ask("And how?", limits=LIMITS))
    answer = session.messages[2].content
    begin = f"[system] Be brief.\n[user] Why?\n[assistant] {answer}\n[user] And how?\n>"
    assert [text[: len(begin)] for text in expert.texts] == [begin] * 2


def test_an_answer_goes_on_behind_its_own_form_in_a_restored_conversation() -> None:
    opened, expert = team()
    session = Session.restored(opened, [Turn("Why?", "be", tuple(b"be"))])
    list(session.more(limits=LIMITS))
    assert expert.texts[0] == "[user] Why?\n>be"


def test_the_server_gives_it_too() -> None:
    opened, expert = team()
    tokens = chat_tokens(opened, [Message("user", "Why?")])
    opened.model.read(tokens)
    assert expert.texts == ["[user] Why?\n>"]


def test_conversations_side_by_side_know_each_others_prompts(tmp_path: Path) -> None:
    """A server makes the prompt before it knows whose context answers."""
    member, files = Member("b", tmp_path / "b.gguf"), Files(Options())
    files.own_prompts(member).give([1, 2], [3])
    assert files.beside().own_prompts(member).at_start_of([1, 2, 5]) == (2, (3,))


CATALOG = """
[models.a]
path = "a.gguf"
[models.b]
path = "b.gguf"
prompt = "own"
[teams.t]
method = "mixture"
members = ["a", "b"]
"""


def test_models_toml_says_who_reads_its_own_form(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(CATALOG)
    catalog = parse_catalog(path)
    plan = plan_from_catalog(catalog, catalog.team("t"))
    assert [member.settings.prompt for member in plan.members] == [None, "own"]
    path.write_text(CATALOG.replace('"own"', '"mine"'))
    with pytest.raises(BadCatalog, match=r'prompt .*: write "base" or "own"'):
        parse_catalog(path)


def test_the_callers_choice_is_for_all_experts() -> None:
    pair = plan_from_files(Path("a.gguf"), [Path("b.gguf"), Path("c.gguf")])
    plan = with_choices(pair, own_prompt=True)
    assert [member.settings.prompt for member in plan.members] == [None, "own", "own"]
    with pytest.raises(BadOption, match="`own_prompt` needs an expert"):
        with_choices(plan_from_files(Path("a.gguf"), []), own_prompt=True)


def test_without_a_template_there_is_no_own_form(tmp_path: Path) -> None:
    member, files = Member("b", tmp_path / "b.gguf"), Files(Options())
    with pytest.raises(BadOption, match='b has prompt = "own", but no chat template'):
        files.own_template(member, None, byte_vocabulary())
    assert files.own_template(member, OWN, byte_vocabulary()) is OWN
