"""Documents in the chat: /docs, /sources, the passage with the words that support the answer."""

import io
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from chat_app import FakeTeams, ask, drive, make_app, screen_text, send, until
from localcollab.documents.answer.answer import check
from localcollab.documents.answer.events import SentPassage
from localcollab.documents.answer.references import characters_at, resolve
from localcollab.documents.collection import ATTACHED, attach, open_collection
from localcollab.history import open_history
from localcollab_tui.app import ChatApp
from localcollab_tui.conversation.commands import parse_docs
from localcollab_tui.engine.thread import on_own_models
from localcollab_tui.plain import PlainChat
from localcollab_tui.screens.sources import SourcesScreen, marked

pytestmark = pytest.mark.slow

ANSWER = "The maker of Gozovir is Yarrow Labs."
TEXT = f"One dose of Gozovir is 60 mg. {ANSWER}"


@pytest.fixture
def notes(tmp_path: Path) -> str:
    file = tmp_path / "gozovir.txt"
    file.write_text(TEXT)
    # The folder of collections is the whole run's.
    (tmp_path / "empty.txt").touch()
    with open_collection(tmp_path.name, create=True) as collection:
        collection.add([file, tmp_path / "empty.txt"])
    return tmp_path.name


def talk(answer: str, *lines: str) -> str:
    out = io.StringIO()
    with open_history(None) as history:
        teams = FakeTeams(lambda _: answer)
        source = io.StringIO("\n".join(lines))
        PlainChat(history, on_own_models(teams.open), source, out).run(None, None)
    return out.getvalue()


def test_line_by_line_an_answer_comes_with_sources_and_verdicts(notes: str) -> None:
    said = talk(ANSWER, "/docs", f"/docs {notes}", "Who makes Gozovir?", "/sources", "/docs off")
    assert "no documents in use; /docs NAME uses one of: " in said
    assert f"answers come from {notes}: 1 document\n" in said
    assert said.count("[1] gozovir.txt (characters 0 to 66)") == 2
    assert said.count(f"supported [1] “{ANSWER}”") == 2


def test_files_are_attached_without_a_collection(tmp_path: Path) -> None:
    file = tmp_path / "the maker.txt"
    file.write_text(TEXT)
    asked = ("Who makes Gozovir?", "/sources", "/attach off", "/attach")
    said = talk(ANSWER, f"/attach {file}", *asked)
    assert "answers come from the attached files: 1 document\n" in said
    assert said.count("[1] the maker.txt (characters 0 to 66)") == 2
    assert said.count(f"supported [1] “{ANSWER}”") == 2
    assert said.rstrip().count("no documents in use") == 2


def test_words_of_attached_files_are_gone_with_them_and_never_those_of_others(
    tmp_path: Path,
) -> None:
    (tmp_path / "one.txt").write_text(TEXT)
    (tmp_path / "other.txt").write_text(
        "Other words altogether, and as many of them as there were."
    )
    with attach([tmp_path / "one.txt"]) as one:
        (passage,) = one.passages(one.documents()[0])
        line = characters_at(ATTACHED, passage.id, 30, 66)
        with attach([tmp_path / "other.txt"]):
            assert resolve(line) == ANSWER
    assert resolve(line) == f"{line}, no longer there,"


def test_what_cannot_be_attached_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    said = talk(ANSWER, f"/attach {tmp_path}/none", f"/attach {tmp_path}/empty.txt", '/attach "a b')
    assert f"{tmp_path}/none cannot be added (No such file or directory)" in said
    assert f"{tmp_path}/empty.txt cannot be attached: holds no text" in said
    assert "close the quotes" in said


def test_the_history_keeps_no_word_of_a_document(tmp_path: Path) -> None:
    """The answer is the chat's own; what stands around its words in the files is not."""
    canary, heading = "Quoxulent", "Brimblefask"
    file = tmp_path / "gozovir.md"
    file.write_text(f"# {heading}\n\n{ANSWER[:-1]}, including {canary}.\n")
    with open_collection("canary", create=True) as collection:
        collection.add([file])
    out, kept = io.StringIO(), tmp_path / "history.sqlite3"
    with open_history(kept) as history:
        teams = FakeTeams(lambda _: ANSWER)
        lines = io.StringIO("\n".join(("/docs canary", "Who makes Gozovir?", "/sources")))
        PlainChat(history, on_own_models(teams.open), lines, out).run(None, None)
    said = out.getvalue()
    assert said.count(f"supported [1] “{ANSWER[:-1]}, including {canary}.”") == 2
    assert said.count(f"[1] gozovir.md, {heading} (characters") == 2
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("history.sqlite3*"))
    assert b"Who makes Gozovir?" in stored
    assert canary.encode() not in stored
    assert heading.encode() not in stored


def test_a_place_that_is_gone_is_said_to_be_gone(notes: str) -> None:
    place = f"supported [1] “«{notes}/1:30-66»”"
    assert resolve(place) == f"supported [1] “{ANSWER}”"
    for gone in (f"«{notes}/7:30-66»", "«no-such-collection/1»"):
        assert resolve(f"[1] {gone} (x)") == f"[1] {gone}, no longer there, (x)"


def test_a_collection_that_is_not_there_is_named(notes: str) -> None:
    said = talk("Hi", "/docs nix")
    assert "error: there is no collection 'nix'" in said
    assert notes in said


def test_the_history_keeps_no_word_of_a_document_that_a_refusal_offers(tmp_path: Path) -> None:
    canary, file, kept = "Quoxulent", tmp_path / "gozovir.md", tmp_path / "history.sqlite3"
    file.write_text(f"The maker of Gozovir is Yarrow Labs only in {canary}.\n")
    with open_collection("offered", create=True) as collection:
        collection.add([file])
    out = io.StringIO()
    with open_history(kept) as history:
        lines = io.StringIO("/docs offered strict\nWho makes Gozovir?")
        wrong = FakeTeams(lambda _: "The maker of Gozovir is Redfern Labs.")
        PlainChat(history, on_own_models(wrong.open), lines, out).run(None, None)
    assert canary in out.getvalue()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("history.sqlite3*"))
    assert b"1 of 1 sentences not supported" in stored
    assert canary.encode() not in stored


def test_strict_refuses_what_the_documents_do_not_say(notes: str) -> None:
    said = talk(
        "The maker of Gozovir is Redfern Labs.", f"/docs {notes} strict", "Who makes Gozovir?"
    )
    assert "only supported answers are shown" in said
    assert "refused: 1 of 1 sentences" in said
    assert "[expert]" not in said
    assert said.count("Redfern") == said.count(
        "“The maker of Gozovir is Redfern Labs.” says “redfern”"
    )
    assert (
        "nearest passage: [1] gozovir.txt (characters 0 to 66): “The maker of Gozovir is Y" in said
    )


async def ask_for_sources(app: ChatApp, pilot: Pilot[None], docs: str) -> None:
    """`docs`: what stands behind /docs, the collection first."""
    await send(app, pilot, f"/docs {docs}")
    await until(pilot, lambda: app.dialogue.docs.collection == docs.split()[0])
    await ask(app, pilot, "Who makes Gozovir?")
    await send(app, pilot, "/sources")
    await until(pilot, lambda: isinstance(app.screen, SourcesScreen))


def test_the_sources_pane_opens_the_passage(notes: str) -> None:
    app = make_app(FakeTeams(lambda _: ANSWER))

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask_for_sources(app, pilot, notes)
        assert app.screen.query_one(OptionList).option_count == 1
        await until(pilot, lambda: "One dose of Gozovir is 60 mg." in screen_text(app))
        assert "supported [1]" in screen_text(app)

    drive(app, steps, size=(120, 30))


def test_the_sources_of_a_refused_answer_were_found(notes: str) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask_for_sources(app, pilot, f"{notes} strict")
        await until(pilot, lambda: "One dose of Gozovir is 60 mg." in screen_text(app))
        assert "no passage was found" not in screen_text(app)
        assert "no answer was shown" in screen_text(app)

    wrong = make_app(FakeTeams(lambda _: "The maker of Gozovir is Redfern Labs."))
    drive(wrong, steps, size=(120, 30))


def test_the_words_that_support_an_answer_are_marked() -> None:
    passage = SentPassage(1, "/a.txt", None, "", 0, len(TEXT), TEXT, (1,))
    (span,) = marked(passage, check(ANSWER, (passage,))).spans
    assert (TEXT[span.start : span.end], span.style) == (ANSWER, "bold reverse")


def test_what_docs_takes() -> None:
    said = [parse_docs(line) for line in ("notes", "notes strict", "off")]
    assert said == [("notes", False), ("notes", True), (None, False)]
    assert parse_docs("my notes") == (
        "/docs my notes: use /docs NAME, /docs NAME strict or /docs off"
    )
