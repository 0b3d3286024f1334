"""What a chat has read is kept for the next one, with its conversation, and goes with it."""

import io
import threading
from pathlib import Path

import pytest

from localcollab.history import History, open_history
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options
from localcollab.llama.prompt_cache import PromptCache
from localcollab.progress import OnProgress
from localcollab.storage.state_files import StateFiles
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import plan_from_files
from localcollab_tui.cli import opener
from localcollab_tui.engine.thread import on_own_models
from localcollab_tui.engine.worker import Worker
from localcollab_tui.messages import Ask, Load, Question
from localcollab_tui.plain import PlainChat

pytestmark = pytest.mark.weights
LONG = "Once upon a time there was a little girl named Lily and she had a big red ball. " * 6
OTHER = "Tom had a small dog, and the dog did not like the rain at all, so it ran home. " * 6


class Starts:
    """The chat, started again and again on the same folder."""

    def __init__(self, path: Path, history: History) -> None:
        self.history = history
        self.files = StateFiles()
        self._path = path
        self.team: OpenTeam | None = None

    def open(self, team: str | None, on_progress: OnProgress) -> OpenTeam:
        plan, cache = plan_from_files(self._path, ()), PromptCache(self.files)
        self.team = open_team(plan, Options(n_ctx=512), on_progress, cache)
        return self.team

    def chat(self, *lines: str, session: str | None = None) -> LlamaModel:
        typed, options = io.StringIO("".join(f"{line}\n" for line in lines)), {"max_tokens": "5"}
        worker = on_own_models(self.open)
        PlainChat(self.history, worker, typed, io.StringIO(), options).run(None, session)
        assert self.team is not None
        (context,) = self.team.contexts
        assert isinstance(context, LlamaModel)
        return context

    @property
    def origins(self) -> set[frozenset[str]]:
        return {entry.origins for entry in self.files.entries()}

    def conversations(self) -> list[str]:
        return [f"conversation:{each.id}" for each in self.history.conversations()]


@pytest.fixture
def starts(stories: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starts:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Starts(stories, open_history(tmp_path / "history.sqlite3"))


def test_a_conversation_that_is_opened_again_reads_only_what_is_new(starts: Starts) -> None:
    starts.chat(LONG)
    (id_,) = starts.conversations()
    assert starts.origins == {frozenset({id_})}
    n_before = len(starts.files.entries()[0].tokens)
    again = starts.chat("And then?", session=id_.removeprefix("conversation:"))
    assert again.kept is not None
    assert again.kept.n_recalled >= n_before - 1
    assert again.n_evaluated < 20


def test_what_another_conversation_asks_is_kept_apart(starts: Starts) -> None:
    worker = Worker(starts.open, lambda update: None, threading.Event())
    worker.do(Load(None))
    options = (("max_tokens", 5),)
    for ticket, (text, id_) in enumerate([(LONG, "1"), (OTHER, "2"), (OTHER, "2")]):
        worker.do(Ask(ticket, Question(text, conversation=id_), options))
    worker.close()
    assert starts.origins == {frozenset({"conversation:1"}), frozenset({"conversation:2"})}


def test_a_deleted_conversation_leaves_no_state(starts: Starts) -> None:
    starts.chat(LONG)
    starts.chat(OTHER)
    gone, left = starts.conversations()
    starts.history.delete(gone.removeprefix("conversation:"))
    assert starts.origins == {frozenset({left})}


def test_a_conversation_that_is_deleted_while_it_is_open_is_not_kept(starts: Starts) -> None:
    class Deleting(io.StringIO):
        def readline(self, *args: int) -> str:  # type: ignore[override]
            line = super().readline(*args)
            if not line:
                starts.history.delete(starts.history.conversations()[0].id)
            return line

    worker = on_own_models(starts.open)
    chat = PlainChat(
        starts.history, worker, Deleting(LONG + "\n"), io.StringIO(), {"max_tokens": "5"}
    )
    chat.run(None, None)
    assert starts.origins == set()


def test_attached_files_are_not_kept(starts: Starts, tmp_path: Path) -> None:
    file = tmp_path / "contract.txt"
    file.write_text("The tenant gives nine weeks' notice.\n" * 20)
    starts.chat(f"/attach {file}", LONG)
    assert starts.origins == set()


@pytest.mark.parametrize(("keeps", "size"), [(False, ""), (True, "prompt_cache_gb = 0")])
def test_incognito_and_a_size_of_nothing_keep_nothing(
    starts: Starts, stories: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeps: bool,
    size: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "localcollab").mkdir(parents=True)
    (tmp_path / "config" / "localcollab" / "chat.toml").write_text(size)
    open_by_name = opener(TeamChoice(base=stories), None, 512, None, keeps=keeps)
    typed = io.StringIO(LONG + "\n")
    chat = PlainChat(
        starts.history, on_own_models(open_by_name), typed, io.StringIO(), {"max_tokens": "5"}
    )
    chat.run(None, None)
    assert len(starts.history.conversations()) == 1
    assert not starts.files.folder.exists()
