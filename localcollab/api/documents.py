"""Collections of documents in the plain form, and answers whose citations are checked."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event as ThreadEvent
from types import TracebackType
from typing import Self, Unpack

from localcollab.api.answers import (
    AnswerOptions,
    SourcedAnswer,
    parse_options,
    to_sourced_answer,
)
from localcollab.api.load import find_model
from localcollab.api.team import Chat, Team
from localcollab.documents import collection as collections
from localcollab.documents.answer import citations
from localcollab.documents.answer.answer import N_PASSAGES, Library
from localcollab.documents.answer.answer import ask as ask_library
from localcollab.documents.answer.citations import Citable, Claim
from localcollab.documents.answer.events import AnswerEvent, SentPassage, Way
from localcollab.documents.collection import OnVisit
from localcollab.documents.records import Document, Hit, Passage, Tally
from localcollab.documents.revise.dating import given
from localcollab.documents.revise.revise import Revision, revise
from localcollab.documents.search.embedding import OnEmbedded
from localcollab.errors import BadCollection

_SUFFIX = ".sqlite3"


def open_collection(
    name: str | Path = collections.DEFAULT_NAME, *, create: bool = False
) -> "Collection":
    """A collection by name, or the file of one: a `Path`, or a string that ends in `.sqlite3` or
    holds a path separator. Raises `BadCollection` for one that is not there, unless `create`."""
    if isinstance(name, str) and not name.endswith(_SUFFIX) and os.sep not in name:
        return Collection(collections.open_collection(name, create=create), name)
    path = Path(os.path.expanduser(name))
    if not create and not path.is_file():
        raise BadCollection(f"{path}: no such collection: check the path, or give create=True")
    return Collection(collections.Collection(path), path.stem)


class Collection:
    """Documents that are searched and asked. Made by `open_collection`; a context manager."""

    def __init__(self, collection: collections.Collection, name: str) -> None:
        self._collection, self.name = collection, name

    def add(self, *paths: str | Path, ocr: str = "", on_visit: OnVisit | None = None) -> Tally:
        """Read files, and folders with all that is in them. Stopped at any moment, it goes on later.

        `ocr`: languages of tesseract, such as "eng+deu", to read pages of PDFs that are pictures.
        Raises `BadOption` for a path that is not there; then nothing was added."""
        return self._collection.add(_paths(paths), ocr=ocr, on_visit=on_visit)

    def sync(self, *, on_visit: OnVisit | None = None) -> Tally:
        """Look at everything that was added again, and read what changed."""
        return self._collection.sync(on_visit=on_visit)

    def remove(self, *paths: str | Path) -> tuple[Document, ...]:
        """Remove documents from the collection; the files stay."""
        return self._collection.remove(_paths(paths))

    def documents(self) -> tuple[Document, ...]:
        """All of them by path, with what became of each."""
        return self._collection.documents()

    def search(self, query: str, n: int = 8) -> list[Hit]:
        """The best passages first; any text is a valid query."""
        return self._collection.search(query, n)

    def embed(
        self,
        model: str | Path,
        *,
        before_query: str = "",
        before_passage: str = "",
        models: str | Path | Sequence[str | Path] = (),
        on_embedded: OnEmbedded | None = None,
    ) -> int:
        """Search by vectors of this encoder, too: a GGUF file or a model of the catalogue.

        Returns how many passages got a vector. Raises `BadModelFile`."""
        return self._collection.embed(
            find_model(model, models), before_query=before_query, before_passage=before_passage,
            on_embedded=on_embedded,
        )  # fmt: skip

    def revise(self, file: str | Path, *, dated: str | None = None) -> Revision:
        """What newer documents say otherwise than a file, which is not changed: its `changes`, each
        with its source, and the text with all of them, `revised()`. `dated`: of the file, as "2025-03".

        Raises `BadOption` for a file without text."""
        (path,) = _paths([file])
        return revise(
            path.resolve(), self._collection, date=None if dated is None else given(dated)
        )

    def ask(
        self,
        question: str,
        team: Team | Chat,
        *,
        strict: bool = False,
        way: Way | None = None,
        n_passages: int = N_PASSAGES,
        stop_event: ThreadEvent | None = None,
        **options: Unpack[AnswerOptions],
    ) -> SourcedAnswer:
        """Answer from the documents. With a chat the question and its answer join the conversation.

        `way` "prompt": the passages stand before the question; "quotes": the model copies from them
        while it writes; "check": it is only compared with them; None: quotes where an expert learned
        the documents. `strict`: leave out what the passages do not support (`left_out`); where nothing
        is left, answer with the sentence that the answer was made from, or raise `NotSupported`, which
        names the nearest one."""
        return to_sourced_answer(
            self.events(
                question, team, strict=strict, way=way, n_passages=n_passages,
                stop_event=stop_event, **options,
            )
        )  # fmt: skip

    def events(
        self,
        question: str,
        team: Team | Chat,
        *,
        strict: bool = False,
        way: Way | None = None,
        n_passages: int = N_PASSAGES,
        stop_event: ThreadEvent | None = None,
        **options: Unpack[AnswerOptions],
    ) -> Iterator[AnswerEvent]:
        """Everything: `Sources`, what asking yields, and `Checked` before `Finished`."""
        sampling, limits = parse_options(options)
        library = Library(self._collection, self.name, way, strict, n_passages)
        session = team.session()
        found = ask_library(session, library, question, sampling, limits, stop_event=stop_event)
        return team.one_answer(found) if isinstance(team, Chat) else found

    def close(self) -> None:
        self._collection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def check_answer(
    text: str, passages: Sequence[str | Passage | SentPassage | Hit], *, question: str = ""
) -> tuple[Claim, ...]:
    """Every sentence of `text`: is it supported by the passages, weakly, or not found in them?

    `[1]` in the text names the first passage. No model judges: see docs/documents.md."""
    return citations.check_answer(text, [_citable(passage) for passage in passages], question)


def _citable(passage: str | Passage | SentPassage | Hit) -> Citable:
    if isinstance(passage, str):
        return Citable(passage)
    if isinstance(passage, Hit):
        passage = passage.passage
    path = passage.document.path if isinstance(passage, Passage) else Path(passage.path)
    # A file's name counts as a heading of all its text.
    return Citable(passage.text, f"{passage.heading}\n{path.stem}")


def _paths(given: Sequence[str | Path]) -> list[Path]:
    return [Path(os.path.expanduser(path)) for path in given]
