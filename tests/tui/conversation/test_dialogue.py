"""What a dialogue sends: the system prompt of a new conversation, and the turns that are left out."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chat_engine import MEMBERS
from localcollab.history import History, open_history
from localcollab.history.records import Provenance
from localcollab_tui.conversation.dialogue import Dialogue
from localcollab_tui.conversation.recorder import AnswerRecorder
from localcollab_tui.messages import Ask, Job, TeamFacts

FACTS = TeamFacts("t", MEMBERS, 4096, None, None, takes_system=True, system="Be brief.")


@pytest.fixture
def history() -> Iterator[History]:
    with open_history(None) as opened:
        yield opened


def dialogue_of(history: History) -> tuple[Dialogue, list[Job]]:
    jobs: list[Job] = []
    return Dialogue(history, AnswerRecorder(history, lambda update: None), jobs.append), jobs


def asked(jobs: list[Job]) -> Ask:
    job = jobs[-1]
    assert isinstance(job, Ask)
    return job


def test_a_new_conversation_has_the_system_prompt_of_its_team(history: History) -> None:
    dialogue, jobs = dialogue_of(history)
    dialogue.facts = FACTS
    assert dialogue.system == "Be brief."
    dialogue.ask("Hi")
    assert asked(jobs).question.system == "Be brief."
    assert dialogue.conversation is not None
    assert dialogue.conversation.system == "Be brief."


def test_a_system_prompt_that_was_removed_or_stored_empty_stays_so(history: History) -> None:
    dialogue, jobs = dialogue_of(history)
    dialogue.facts = FACTS
    dialogue.set_system("")
    dialogue.ask("Hi")
    assert asked(jobs).question.system == ""
    dialogue.end()
    old = history.create()
    dialogue.open(old.id)
    assert dialogue.system == ""


def test_a_base_without_a_template_gets_no_system_prompt(history: History) -> None:
    dialogue, jobs = dialogue_of(history)
    dialogue.facts = replace(FACTS, takes_system=False)
    dialogue.ask("Hi")
    assert asked(jobs).question.system == ""


def test_a_question_that_is_sent_before_the_team_is_open_gets_its_system_prompt(
    history: History,
) -> None:
    dialogue, jobs = dialogue_of(history)
    dialogue.ask("Hi")
    assert asked(jobs).question.system is None
    dialogue.begin(FACTS)
    dialogue.end()
    assert dialogue.system == "Be brief."


def test_what_the_answer_before_left_out_stays_left_out_with_its_summary(history: History) -> None:
    conversation = history.create()
    for n in range(3):
        question = history.add_question(conversation.id, f"question {n}")
        options = {"dropped": n, "summary": "said" if n else ""}
        recorder = history.record_answer(question.id, Provenance(options=options))
        recorder.stop()
    dialogue, jobs = dialogue_of(history)
    dialogue.facts = FACTS
    dialogue.open(conversation.id)
    dialogue.ask("more")
    assert (asked(jobs).question.drop, asked(jobs).question.summary) == (2, "said")
    dialogue.end()
    # An earlier question keeps the turns that it had.
    dialogue.edit(dialogue.branch[2].id, "another")
    assert asked(jobs).question.drop == 0
