"""A stored conversation goes on as if it had never been closed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chat_templates import FORGETFUL, TEMPLATES
from localcollab.chat.template import ChatTemplate, Message
from localcollab.chat.transcript import Turn
from localcollab.decoding.answer_text import Limits
from localcollab.errors import BadOption
from localcollab.events import Finished
from localcollab.history import History, open_history, provenance_of
from localcollab.language_model import OnChunk, Reading
from localcollab.llama.context import LlamaModel
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_files
from localcollab.teams.session import Session
from toy_vocabulary import END, toy_vocabulary

QUESTIONS = ["Hello there", "And then what", "Say it once more", "Say Hello"]
# Letter by letter: text that the tokenizer would cut into other ids.
ANSWERS = [list(b"<think>\nHello user</think>\n\nHello  assistant."), [*b"ok."], [],
           [*b"Hello\n\n"]]  # fmt: skip
ORDINARY = [[*f"<think>\nHello user</think>\n\nHello, this is {n}.".encode()] for n in range(7)]


class ReplayingModel:
    """Gives the answers in turn; a sequence that is no continuation by one token begins the next."""

    def __init__(self, answers: Iterable[Sequence[int]]) -> None:
        self.name, self.n_embd, self.n_ctx = "base", 4, 4096
        self.vocabulary = toy_vocabulary(adds_bos=True)
        self.encoded: list[str] = []
        encode = self.vocabulary.encode

        def recording(text: str, *, special: bool = False, bos: bool = False) -> list[int]:
            self.encoded.append(text)
            return encode(text, special=special, bos=bos)

        self.vocabulary = replace(self.vocabulary, encode=recording)
        self._answers = iter(answers)
        self._answer: list[int] = []
        self._next = -1

    def read(
        self, tokens: Sequence[int], *, last: int = 1, hidden: bool = False,
        on_chunk: OnChunk | None = None,
    ) -> Reading:  # fmt: skip
        if len(tokens) != self._next:
            self._answer = [*next(self._answers), END]
        self._next = len(tokens) + 1
        logits = np.full((last, self.vocabulary.n_tokens), -20, np.float32)
        logits[-1, self._answer.pop(0)] = 20
        return Reading(logits)

    def attribute(self, reading: Reading, token: int) -> str:
        return self.name


def team_of(template: ChatTemplate | None, answers: Iterable[Sequence[int]] = ()) -> OpenTeam:
    model = ReplayingModel(answers)
    return OpenTeam("toys", model, {"base": model}, {}, template)


def converse(
    history: History, session: Session, questions: Sequence[str], limits: Limits | None = None
) -> str:
    """The id of the conversation."""
    id_ = history.create().id
    provenance = provenance_of(session.team)
    for question in questions:
        asked = history.add_question(id_, question)
        with history.record_answer(asked.id, provenance) as recorder:
            for event in session.ask(question, limits=limits):
                recorder.add(event)
    return id_


@pytest.mark.parametrize("answers", [ANSWERS, ORDINARY])
@pytest.mark.parametrize("template", [None, *TEMPLATES])
def test_a_restored_conversation_has_the_prompt_of_the_undisturbed_one(
    template: ChatTemplate | None, answers: list[list[int]]
) -> None:
    with open_history(None) as history:
        undisturbed = Session(team_of(template, answers))
        questions = [*QUESTIONS, *QUESTIONS][: len(answers)]
        id_ = converse(history, undisturbed, questions)
        team = team_of(template)
        turns = history.turns(id_, team.base.vocabulary.fingerprint)
        restored = Session.restored(team, turns)
    assert restored.messages == undisturbed.messages
    assert restored.prompt("What now?") == undisturbed.prompt("What now?")
    assert isinstance(team.model, ReplayingModel)
    assert not any("Hello user" in text for text in team.model.encoded)


class CountingTemplate(ChatTemplate):
    def __init__(self, source: str) -> None:
        super().__init__(source, bos="<s>")
        self.n_rendered = 0

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, object]] = (),
    ) -> str:
        self.n_rendered += len(messages)
        return super().render(messages, add_generation_prompt=add_generation_prompt)


def _work_of_restoring(source: str, n_turns: int) -> tuple[int, int]:
    """Messages rendered, and characters tokenized."""
    template = CountingTemplate(source)
    team = team_of(template)
    answers = [[*f"<think>Hm.</think>\n\nThis is answer {n}.".encode()] for n in range(n_turns)]
    turns = [Turn(f"Question {n}", bytes(a).decode(), tuple(a)) for n, a in enumerate(answers)]
    Session.restored(team, turns, system="Be brief")
    assert isinstance(team.model, ReplayingModel)
    return template.n_rendered, sum(map(len, team.model.encoded))


@pytest.mark.parametrize("template", TEMPLATES)
def test_restoring_takes_twice_the_work_for_twice_the_turns(template: ChatTemplate) -> None:
    few, many = (_work_of_restoring(template.source, n_turns) for n_turns in (40, 80))
    assert [more / less for less, more in zip(few, many, strict=True)] == pytest.approx([2, 2], 0.1)


def test_answers_of_another_vocabulary_are_tokenized_from_their_text() -> None:
    with open_history(None) as history:
        id_ = converse(history, Session(team_of(TEMPLATES[0], ANSWERS)), QUESTIONS[:1])
        (turn,) = history.turns(id_, "another")
    assert turn.tokens == ()
    prompt = Session.restored(team_of(TEMPLATES[0]), [turn]).prompt("What now?")
    assert 262 in prompt  # "Hello", which was written letter by letter


@pytest.mark.parametrize("token", [-1, 272, 2**40])
def test_ids_that_no_vocabulary_has_are_not_used(token: int) -> None:
    turn = Turn("Hi", "Hello", (72, token))
    restored = Session.restored(team_of(TEMPLATES[0]), [turn])
    tokenized = Session.restored(team_of(TEMPLATES[0]), [replace(turn, tokens=())])
    assert restored.prompt("And?") == tokenized.prompt("And?")


def test_a_failed_answer_and_an_unanswered_question_are_no_turns() -> None:
    with open_history(None) as history:
        id_ = converse(history, Session(team_of(FORGETFUL, ANSWERS)), QUESTIONS[:1])
        provenance = provenance_of(team_of(FORGETFUL))
        asked = history.add_question(id_, "Broken?")
        history.fail_answer(history.begin_answer(asked.id, provenance), "the disk is full")
        history.add_question(id_, "Unanswered?")
        turns = history.turns(id_, provenance.vocabulary)
    assert [turn.question for turn in turns] == QUESTIONS[:1]


def test_a_restored_system_prompt_needs_a_template() -> None:
    with pytest.raises(BadOption, match="takes no system prompt"):
        Session.restored(team_of(None), [], system="Be brief")


@pytest.mark.weights
def test_a_real_model_evaluates_a_restored_conversation_once(stories: Path) -> None:
    plan, limits = plan_from_files(stories, ()), Limits(max_tokens=12)
    questions = ["Once upon a time", " One day", " The little dog", " The end"]
    with open_history(None) as history:
        undisturbed = Session(open_team(plan))
        id_ = converse(history, undisturbed, questions[:2], limits)
        team = open_team(plan)
        turns = history.turns(id_, team.base.vocabulary.fingerprint)
    restored = Session.restored(team, turns)
    assert restored.prompt(questions[2]) == undisturbed.prompt(questions[2])
    assert isinstance(team.base, LlamaModel)
    n_before = 0
    for question in questions[2:]:
        n_prompt = len(restored.prompt(question))
        *_, answer = restored.ask(question, limits=limits)
        *_, same = undisturbed.ask(question, limits=limits)
        assert isinstance(answer, Finished)
        assert isinstance(same, Finished)
        assert answer.tokens == same.tokens
        # All but the last token of the sequence, each once.
        assert team.base.n_evaluated == n_prompt + len(answer.tokens) - 1 > n_before
        n_before = team.base.n_evaluated
