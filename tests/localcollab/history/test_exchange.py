"""Conversations out and in again: any text survives, and a bad file is refused whole."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcollab.errors import BadHistory, BadOption
from localcollab.events import Finished, Token, Unfamiliar
from localcollab.history import History, Provenance, open_history
from stored_answers import add_answer, add_turn

pytestmark = pytest.mark.slow

UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HOSTILE = st.sampled_from(
    [
        "\0",
        "a\0b",
        "\x1b]0;owned\x07\x1b[2J",
        "\u202eright\u2066to\u2069left שלום مرحبا",
        "[bold red]x[/] [@click=app.quit]y[/]",
        "<script>alert(1)</script>",
        "'; DROP TABLE messages; --",
        '"unbalanced * NEAR( AND OR NOT ^ : {text} : -',
        "\ufdd0\ufdd1\ufffe\U0010ffff",
        "👩‍👩‍👧 e\u0301 \r\n\t\u2028\x85",
        "<think>",
        "‹x›¹",
    ]
)
TEXTS = UNICODE | HOSTILE
PROBABILITIES = st.integers(0, 1_000_000).map(lambda n: n / 1_000_000)
TOKENS = st.builds(
    Token,
    id=st.integers(0, 2**31),
    text=TEXTS,
    author=TEXTS,
    probability=PROBABILITIES,
    p_defer=st.none() | PROBABILITIES,
    unsure=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXTS, each, max_size=3),
    max_leaves=5,
)  # fmt: skip
PROVENANCES = st.builds(
    Provenance,
    team=TEXTS,
    head_sha256=st.none() | TEXTS,
    members=st.dictionaries(TEXTS, TEXTS, max_size=3),
    vocabulary=TEXTS,
    options=st.dictionaries(TEXTS, JSON, max_size=3),
    seed=st.none() | st.integers(0, 2**63),
)
SECONDS = st.floats(0, 1e6)
ANSWERS = st.tuples(
    st.sampled_from(["end", "stop_string", "max_tokens", "context", "stopped", "failed"]),
    PROVENANCES,
    st.lists(TOKENS, max_size=4),
    st.lists(st.integers(0, 2**31), max_size=2),
    SECONDS,
    st.lists(st.builds(Unfamiliar, expert=TEXTS, name=TEXTS), max_size=2).map(tuple),
    st.lists(TEXTS, max_size=2).map(tuple),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "edit", "regenerate", "undo", "clear"]), TEXTS, ANSWERS),
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(title=TEXTS, system=TEXTS, team=TEXTS, pinned=st.booleans(), steps=STEPS)
def test_any_conversation_comes_back_equal(
    title: str, system: str, team: str, pinned: bool, steps: list[Any]
) -> None:
    with open_history(None) as history, open_history(None) as other:
        id_ = history.create(title=title, system=system, team=team).id
        history.pin(id_, pinned)
        for step, text, answer in steps:
            take_step(history, id_, step, text, answer)
        exported = history.export_json(id_)
        imported = other.import_json(exported)
        assert imported == replace(history.conversation(id_), leaf=imported.leaf)
        assert other.export_json(id_) == exported
        assert [(m.text, m.provenance, m.outcome) for m in other.branch(id_)] == [
            (m.text, m.provenance, m.outcome) for m in history.branch(id_)
        ]
        assert history.export_markdown(id_) == other.export_markdown(id_)
        for step in steps:
            history.search(step[1])


def take_step(history: History, id_: str, step: str, text: str, answer: Any) -> None:
    shown = history.branch(id_)
    if step == "undo":
        history.undo(id_)
    elif step == "clear":
        history.clear(id_)
    elif not shown or step == "ask":
        end(history, history.add_question(id_, text or "?").id, answer)
    elif step == "edit":
        end(history, history.edit_question(shown[-2].id, text or "?").id, answer)
    else:
        end(history, shown[-2].id, answer)


def end(history: History, question: int, answer: Any) -> None:
    reason, provenance, tokens, unshown, seconds, unfamiliar, notes = answer
    id_ = history.begin_answer(question, provenance)
    for token in tokens:
        history.append_tokens(id_, [token])
    if reason == "failed":
        history.fail_answer(id_, "an error", notes)
        return
    text = "".join(token.text for token in tokens)
    ids = (*(token.id for token in tokens), *unshown)
    finished = Finished(reason, text, ids, 3, {"base": len(ids)}, seconds, seconds)
    history.finish_answer(id_, finished, unfamiliar, notes)
    assert history.tokens(id_) == tuple(tokens)
    assert history.token_ids(id_) == ids


@settings(deadline=None, max_examples=300)
@given(texts=st.lists(TEXTS, min_size=1, max_size=3), query=TEXTS)
def test_any_text_is_stored_as_it_is_and_any_query_is_answered(
    texts: list[str], query: str
) -> None:
    with open_history(None) as history:
        for text in texts:
            asked = history.add_question(history.create().id, text or "?")
            assert history.message(asked.id).text == (text or "?")
        for hit in [*history.search(query), *history.search(texts[0])]:
            assert all(0 <= start < end <= len(hit.snippet) for start, end in hit.marks)


def test_a_megabyte_is_stored_searched_and_exported() -> None:
    with open_history(None) as history, open_history(None) as other:
        id_ = history.create().id
        text = "\x1b[31mתרופה aspirin\0 " * 50_000 + "needle"
        answer = add_turn(history, id_, text, "so")
        assert history.search("need")[0].snippet.endswith("needle")
        assert history.search(text)[0].message == answer - 1
        assert other.branch(other.import_json(history.export_json(id_)).id)[0].text == text
        assert "\x1b" not in history.export_markdown(id_)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_character_is_refused_everywhere(text: str) -> None:
    with open_history(None) as history:
        id_ = history.create().id
        for refused in (
            lambda: history.create(title=text),
            lambda: history.rename(id_, text),
            lambda: history.set_system(id_, text),
            lambda: history.search(text),
            lambda: history.add_question(id_, text),
        ):
            with pytest.raises(BadOption, match="a lone surrogate"):
                refused()


def exported() -> dict[str, Any]:
    with open_history(None) as history:
        conversation = history.create(title="Drugs")
        add_turn(history, conversation.id, "Why?", "one two three")
        add_answer(history, history.branch(conversation.id)[0].id, "other")
        record: dict[str, Any] = json.loads(history.export_json(conversation.id))
        return record


def test_a_taken_id_is_replaced_and_nothing_overwritten() -> None:
    with open_history(None) as history:
        first = history.import_json(json.dumps(exported() | {"id": "abc", "title": "first"}))
        second = history.import_json(json.dumps(exported() | {"id": "abc", "title": "second"}))
        assert first.id == "abc" != second.id
        assert history.conversation("abc").title == "first"
        assert history.count() == 2


def set_in(*path: str | int, to: object) -> Callable[[Any], None]:
    def change(record: Any) -> None:
        *way, last = path
        for step in way:
            record = record[step]
        record[last] = to

    return change


def remove(record: dict[str, Any]) -> None:
    del record["messages"][1]["tokens"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("format", to="x"), r"f.json: format is 'x', not 'localcollab-conversation-1'"),
        (set_in("title", to=1), "f.json: title is 1, not of type str"),
        (set_in("title", to="\ud800"), r"title holds a lone surrogate \(U\+D800\)"),
        (set_in("id", to="../x"), "id is '../x', not 1 to 64 letters"),
        (set_in("leaf", to=9), "leaf is 9, not the id of a message"),
        (set_in("created", to="2026-01-01T00:00:00"), "created is .* not a time with its offset"),
        (set_in("messages", to={}), "messages is {}, not of type list"),
        (set_in("messages", 1, to=4), r"messages\[1\] is not a JSON object"),
        (
            set_in("messages", 0, "parent", to=2),
            r"messages\[0\]: parent is 2, not the id of an ear",
        ),
        (set_in("messages", 1, "id", to=1), r"messages\[1\]: id is 1, not an id of its own"),
        (set_in("messages", 1, "parent", to=None), "role is 'assistant', not a question below"),
        (set_in("messages", 1, "status", to="streaming"), "status is 'streaming', not one of"),
        (
            set_in("messages", 1, "tokens", 2, "id", to=True),
            r"tokens\[2\]: id is True, not of type",
        ),
        (
            set_in("messages", 1, "tokens", 2, "probability", to=2),
            "probability is 2, not from 0 to",
        ),
        (set_in("messages", 1, "outcome", "notes", to=[1]), "outcome: notes: 0 is 1, not of type"),
        (set_in("messages", 1, "provenance", "members", to={"base": 1}), "members: base is 1, not"),
        (remove, r"messages\[1\] lacks 'tokens'"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_imported(
    change: Callable[[Any], None], message: str
) -> None:
    record = exported()
    change(record)
    with open_history(None) as history:
        with pytest.raises(BadHistory, match=message):
            history.import_json(json.dumps(record), "f.json")
        assert history.count() == 0
        assert history.search("why") == ()


def test_a_huge_number_of_tokens_takes_no_memory() -> None:
    record = exported()
    record["messages"][1]["outcome"]["n_tokens"] = 2**60
    with open_history(None) as history:
        id_ = history.import_json(json.dumps(record), "f.json").id
        assert "## Answer by" in history.export_markdown(id_)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"format": NaN}', "\0"])
def test_what_is_no_export_is_refused(text: str) -> None:
    with open_history(None) as history, pytest.raises(BadHistory, match="export"):
        history.import_json(text)


def test_an_answer_exported_while_it_streams_is_stopped_in_the_copy() -> None:
    with open_history(None) as history, open_history(None) as other:
        id_ = history.create().id
        answer = history.begin_answer(history.add_question(id_, "Why?").id, Provenance("t"))
        history.append_tokens(answer, [Token(1, "So", "base", 0.5)])
        other.import_json(history.export_json(id_))
        assert [(m.status, m.text) for m in other.branch(id_)] == [
            ("complete", "Why?"),
            ("stopped", "So"),
        ]
        assert "## Answer by t, stopped\n\nSo" in history.export_markdown(id_)


def test_markdown_marks_what_the_expert_wrote() -> None:
    with open_history(None) as history:
        id_ = history.create(title="Drugs", system="Be brief").id
        add_turn(history, id_, "Why?", "three times seven and four eleven")
        lines = history.export_markdown(id_).splitlines()
    assert lines[0] == "# Drugs"
    assert lines[4:7] == ["## System prompt", "", "Be brief"]
    assert "‹three ›¹times seven ‹and ›¹four eleven " in lines
    assert "- *tokens: base 4, pharmacist¹ 2 (3 a second)*" in lines
    assert "- *double-check: pharmacist does not know Zanthorex · three · eleven*" in lines
    assert f"- *pharmacist: sha256 {'ef' * 32}*" in lines


def test_scripts_without_spaces_and_signs_are_found_as_they_stand() -> None:
    with open_history(None) as history:
        id_ = history.create().id
        add_turn(history, id_, "阿司匹林是什么药物", "It is 💊 for x->y")
        assert [hit.snippet for hit in history.search("匹林")] == ["阿司匹林是什么药物"]
        assert [hit.marks for hit in history.search("💊")] == [((6, 7),)]
        assert len(history.search("->")) == 1
        assert history.search("spirin") == ()


ODD_VALUES = ("1e999", "NaN", "9" * 5000, str(10**30), str(-(10**400)), "null", "{}", "true",
           '"\\ud800"', '"0001-01-01T00:00:00+23:59"')  # fmt: skip
"""JSON values that Python reads, or refuses, in ways of its own."""


def places(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = list(value.items()) if isinstance(value, dict) else []
    inside += enumerate(value[:2]) if isinstance(value, list) else []
    return [place, *(each for key, found in inside for each in places(found, (*place, key)))]


@pytest.mark.slow
@pytest.mark.parametrize("value", ODD_VALUES)
def test_no_value_at_any_place_is_more_than_an_error(value: str) -> None:
    with open_history(None) as history:
        for place in places(exported())[1:]:
            record = exported()
            set_in(*place, to="@")(record)
            text = json.dumps(record).replace('"@"', value)
            try:
                id_ = history.import_json(text).id
            except BadHistory as error:
                assert len(str(error)) < 400  # noqa: PT017  # either is right
            else:
                history.export_markdown(id_)
                history.export_json(id_)
                history.conversations()
