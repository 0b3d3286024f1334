"""The history as one object: what the app and the command line call.

Any thread may call any method of a `History`, also while another thread streams into it. Calls run one
after another, each in one transaction, and return finished values. A forked process must open its own.
Several processes may have the same file open; a writer waits for another at most `SECONDS_BUSY`.

Every call may raise `BadHistory` (damaged, locked, full, closed), or `BadOption` for its arguments; then
nothing was changed.

Search, export and import are imported on first use, because the first frame of the chat does not need
them.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from platformdirs import user_data_path

from localcollab.events import Finished, Token, Unfamiliar
from localcollab.history import answers, rows, tree
from localcollab.history.database import Database, make_private_folder
from localcollab.history.recorder import Recorder
from localcollab.history.records import (
    Conversation,
    Hit,
    Outcome,
    Provenance,
    StoredMessage,
)
from localcollab.history.rows import unpack, unpack_ids
from localcollab.history.writers import is_alive, remove_dead

if TYPE_CHECKING:
    from localcollab.chat.transcript import Turn


def default_path() -> Path:
    return user_data_path("localcollab") / "history.sqlite3"


def open_history(path: Path | None) -> "History":
    """`path` None: incognito, in memory only. A missing file is created.

    Answers left unfinished by a killed process become `stopped`. Raises `BadHistory`.
    """
    if path == default_path():
        make_private_folder(path.parent)
    return History(path)


class History:
    def __init__(self, path: Path | None) -> None:
        self._database = Database(path)
        with self._database.write() as connection:
            answers.stop_orphans(connection, lambda name: path is not None and is_alive(path, name))
        if path is not None:
            remove_dead(path)

    @property
    def path(self) -> Path | None:
        return self._database.path

    @property
    def is_incognito(self) -> bool:
        return self.path is None

    # Conversations

    def create(self, *, title: str = "", system: str = "", team: str = "") -> Conversation:
        """Without a title, the first question sets it."""
        with self._database.write() as connection:
            id_ = tree.new_id(connection)
            tree.insert_conversation(connection, id_, title, system, team)
            return tree.conversation(connection, id_)

    def conversation(self, id_: str) -> Conversation:
        with self._database.read() as connection:
            return tree.conversation(connection, id_)

    def conversations(self, limit: int = 50, offset: int = 0) -> tuple[Conversation, ...]:
        """Pinned first, then most recent first."""
        with self._database.read() as connection:
            found = connection.execute(
                f"{rows.CONVERSATION} ORDER BY pinned DESC, updated DESC, id LIMIT ? OFFSET ?",
                (limit, offset),
            )
            return tuple(map(rows.to_conversation, found))

    def find(self, start: str) -> Conversation:
        """The one conversation whose id starts with `start`."""
        with self._database.read() as connection:
            return tree.find(connection, start)

    def count(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM conversations").fetchone()[0])

    def rename(self, id_: str, title: str) -> None:
        self._set(id_, "title", rows.checked("the title", title))

    def set_system(self, id_: str, system: str) -> None:
        self._set(id_, "system", rows.checked("the system prompt", system))

    def set_team(self, id_: str, team: str) -> None:
        self._set(id_, "team", rows.checked("the team", team))

    def pin(self, id_: str, pinned: bool = True) -> None:
        self._set(id_, "pinned", int(pinned))

    def delete(self, *ids: str) -> None:
        """Permanently: their texts are overwritten in every file of the history, and what models kept of
        them on disk is deleted."""
        if self.path is not None:
            from localcollab.storage.state_files import SERVED, StateFiles, conversation

            StateFiles().forget(SERVED, *map(conversation, ids))
        with self._database.write() as connection:
            tree.delete(connection, ids)
        self._database.scrub()

    def search(self, text: str, limit: int = 50) -> tuple[Hit, ...]:
        """Messages on any branch, best first; any text is a valid query. See `search.search`."""
        from localcollab.history.search import search

        with self._database.read() as connection:
            return search(connection, text, limit)

    # The tree of messages

    def branch(self, id_: str) -> tuple[StoredMessage, ...]:
        """The shown branch: from the first message to the conversation's leaf."""
        with self._database.read() as connection:
            return tree.branch(connection, tree.conversation(connection, id_).leaf)

    def message(self, message: int) -> StoredMessage:
        with self._database.read() as connection:
            return tree.message(connection, message)

    def add_question(self, id_: str, text: str) -> StoredMessage:
        """At the end of the shown branch."""
        with self._database.write() as connection:
            leaf = tree.conversation(connection, id_).leaf
            return tree.add_question(connection, id_, text, leaf)

    def edit_question(self, message: int, text: str) -> StoredMessage:
        """A sibling of `message` with another text; the old branch is kept."""
        with self._database.write() as connection:
            row = tree.question_row(connection, message)
            return tree.add_question(connection, row["conversation"], text, row["parent"])

    def select(self, message: int) -> tuple[StoredMessage, ...]:
        """Show the branch through `message`, down to its last shown leaf; returns that branch."""
        with self._database.write() as connection:
            return tree.branch(connection, tree.select(connection, message))

    def undo(self, id_: str) -> StoredMessage | None:
        """End the shown branch before its last question, which is returned; nothing is deleted."""
        with self._database.write() as connection:
            return tree.undo(connection, id_)

    def clear(self, id_: str) -> None:
        """Show nothing; the next question starts a new branch. Nothing is deleted."""
        with self._database.write() as connection:
            tree.conversation(connection, id_)
            tree.show(connection, id_, None)

    def fork(self, message: int) -> Conversation:
        """A new conversation with the branch down to `message`."""
        with self._database.write() as connection:
            return tree.conversation(connection, tree.fork(connection, message))

    # Answers

    def record_answer(self, question: int, provenance: Provenance) -> Recorder:
        """Begin an answer, or one more when regenerating, and save it as its events arrive."""
        return Recorder(self, self.begin_answer(question, provenance))

    def begin_answer(self, question: int, provenance: Provenance) -> int:
        """The id of the new answer: streaming, empty, shown."""
        writer = self._database.writer()
        with self._database.write() as connection:
            return answers.begin(connection, question, provenance, writer)

    def continue_answer(self, answer: int, n_tokens: int) -> Recorder:
        """The answer goes on behind its first `n_tokens`."""
        writer = self._database.writer()
        with self._database.write() as connection:
            answers.reopen(connection, answer, n_tokens, writer)
        return Recorder(self, answer)

    def append_tokens(self, answer: int, tokens: Sequence[Token]) -> None:
        with self._database.write(durable=False) as connection:
            answers.append(connection, answer, tokens)

    def take_back(self, answer: int, n_tokens: int) -> None:
        """The last tokens that were appended are no part of the answer."""
        with self._database.write(durable=False) as connection:
            answers.take_back(connection, answer, n_tokens)

    def finish_answer(
        self,
        answer: int,
        finished: Finished,
        unfamiliar: tuple[Unfamiliar, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        """End the answer as `complete`, or `stopped` if that is the reason."""
        if finished.n_repeated and finished.reason == "repetition":
            notes = (*notes, f"it repeated itself: {finished.n_repeated} tokens were folded away")
        outcome = Outcome(
            finished.reason, finished.n_prompt, len(finished.tokens), finished.authors,
            finished.seconds_prefill, finished.seconds_decode, unfamiliar, notes,
            n_repeated=finished.n_repeated,
            proposed={source: each.proposed for source, each in finished.drafted.items()},
            accepted={source: each.accepted for source, each in finished.drafted.items()},
        )  # fmt: skip
        with self._database.write() as connection:
            answers.finish(connection, answer, finished, outcome)

    def stop_answer(self, answer: int, notes: tuple[str, ...] = ()) -> None:
        with self._database.write() as connection:
            answers.end_early(connection, answer, "stopped", Outcome("stopped", notes=notes))

    def fail_answer(self, answer: int, error: str, notes: tuple[str, ...] = ()) -> None:
        with self._database.write() as connection:
            answers.end_early(connection, answer, "failed", Outcome(notes=notes, error=error))

    def tokens(self, message: int) -> tuple[Token, ...]:
        """Who wrote what; empty for a question. Probabilities to the millionth."""
        with self._database.read() as connection:
            return unpack(tree.packed(connection, message))[0]

    def token_ids(self, message: int) -> tuple[int, ...]:
        """All ids, as generated, including those of a stop string."""
        with self._database.read() as connection:
            return unpack_ids(tree.packed(connection, message))

    def turns(self, id_: str, vocabulary: str) -> "tuple[Turn, ...]":
        """The shown branch for `Session.restored`; `vocabulary`: the fingerprint of the base's."""
        from localcollab.history.resume import turns_of

        with self._database.read() as connection:
            shown = tree.branch(connection, tree.conversation(connection, id_).leaf)
            ids = {m.id: unpack_ids(tree.packed(connection, m.id)) for m in shown}
        return turns_of(shown, ids, vocabulary)

    # Out and in

    def export_json(self, id_: str) -> str:
        """Every branch and every token, as JSON for `import_json`."""
        from localcollab.history.export import to_json

        with self._database.read() as connection:
            return to_json(connection, id_)

    def export_markdown(self, id_: str) -> str:
        """The shown branch as Markdown, with marks where experts wrote."""
        from localcollab.history.export import to_markdown

        with self._database.read() as connection:
            conversation = tree.conversation(connection, id_)
            shown = tree.branch(connection, conversation.leaf)
            tokens = [unpack(tree.packed(connection, message.id))[0] for message in shown]
        return to_markdown(conversation, list(zip(shown, tokens, strict=True)))

    def import_json(self, text: str, name: str = "the import") -> Conversation:
        """Add one exported conversation: see `import_all`."""
        (added,) = self.import_all(text, name)
        return added

    def import_all(self, text: str, name: str = "the import") -> tuple[Conversation, ...]:
        """Add an exported conversation, or all that were salvaged. Nothing is overwritten: a taken id is
        replaced by a new one. `name` is used in errors."""
        from localcollab.history.import_json import from_json

        with self._database.write() as connection:
            return tuple(
                tree.conversation(connection, id_) for id_ in from_json(connection, text, name)
            )

    def backup(self, target: Path) -> None:
        """A copy in one file of mode 0600; may replace an earlier backup, but no other file."""
        self._database.copy_to(target)

    # The file

    def close(self) -> None:
        """Answers still streaming become `stopped` when the history is next opened."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _set(self, id_: str, column: str, value: str | int) -> None:
        with self._database.write() as connection:
            tree.conversation(connection, id_)
            connection.execute(f"UPDATE conversations SET {column} = ? WHERE id = ?", (value, id_))
