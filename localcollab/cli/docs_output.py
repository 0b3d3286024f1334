"""What `localcollab docs` prints: results on stdout, notes on stderr. Texts are shown, never executed."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcollab.documents.records import Document, Freshness, Hit, Passage, Tally, Visit
from localcollab.terminal.printing import print_json, print_line, print_note, print_text
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible

if TYPE_CHECKING:
    from localcollab.documents.collection import Collection

_EXCERPT = 300


class Progress:
    """Files as they are read: for programs one line each; for a person those not fully indexed."""

    def __init__(self, *, as_json: bool) -> None:
        self._status, self._as_json, self._n = Status(), as_json, 0

    def visit(self, visit: Visit) -> None:
        self._n += 1
        if self._as_json:
            print_json(
                {"change": visit.change, **_document(visit.document)}, indent=None, flush=True
            )
        elif visit.document.error and visit.change in ("added", "changed"):
            self._status.note(f"{_state(visit.document)}  {_line(visit.document.path)}")
        self._status.show(f"{count(self._n, 'file')}: {_line(visit.document.path)}")

    def visit_changed(self, visit: Visit) -> None:
        """For a watch, which visits every file again and again."""
        if visit.change != "unchanged":
            self.visit(visit)

    def __enter__(self) -> "Progress":
        # Other programs come first; a search meanwhile is another process.
        if hasattr(os, "nice"):
            os.nice(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._status.clear()


def print_tally(name: str, tally: Tally, *, as_json: bool) -> None:
    if as_json:
        print_json({"tally": asdict(tally)}, indent=None, flush=True)
        return
    line = (
        f"{name}: {count(tally.added, 'file')} added, {tally.changed} changed, "
        f"{tally.unchanged} unchanged, {tally.removed} removed"
    )
    if tally.not_indexed:
        line += f"; {tally.not_indexed} not indexed (localcollab docs status says why)"
    print_line(line, flush=True)


def print_embedded(name: str, model: str | None, n_embedded: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"collection": name, "model": model, "embedded": n_embedded})
    elif model is None:
        print_line(f"{name}: searched by words only")
    else:
        print_line(f"{name}: {count(n_embedded, 'passage')} embedded")


def print_removed(name: str, removed: Sequence[Document], *, as_json: bool) -> None:
    if as_json:
        print_json([_document(each) for each in removed])
    else:
        print_line(f"{count(len(removed), 'file')} removed from {name}")


def print_list(documents: Sequence[Document], *, as_json: bool) -> None:
    if as_json:
        print_json([_document(each) for each in documents])
        return
    for document in documents:
        print_line(f"{_state(document)}  {_line(document.path)}")


def note_behind(name: str, fresh: Freshness) -> None:
    print_note(f"{name}: {fresh}: run localcollab docs sync, or leave docs watch running")


def note_without_vector(n_passages: int) -> None:
    if n_passages:
        what = f"{count(n_passages, 'passage')} without a vector, found by words only"
        print_note(f"{what}: run localcollab docs embed")


def print_hits(query: str, hits: Sequence[Hit], *, as_json: bool) -> None:
    if as_json:
        print_json([_passage(hit.passage) | {"score": hit.score} for hit in hits])
        return
    if not hits:
        print_note(f"nothing found for {query!r}")
    for number, hit in enumerate(hits, 1):
        print_line(f"[{number}] {_place(hit.passage)}")
        text = " ".join(visible(hit.passage.text).split())
        print_line(f"    {text if len(text) <= _EXCERPT else text[:_EXCERPT] + ' ...'}")


def print_document(document: Document, passages: Sequence[Passage], *, as_json: bool) -> None:
    if as_json:
        print_json(_document(document) | {"passages": [_passage(p) for p in passages]})
        return
    if document.error:
        print_note(f"{document.status}: {document.error}")
    print_text("".join(passage.text for passage in passages))


def report_of(name: str, collection: "Collection") -> dict[str, Any]:
    """What `docs status --json` prints of one collection."""
    documents, sources = collection.documents(), collection.sources()
    embedding, path = collection.embedding(), collection.path
    assert path is not None, "it was opened by its name"
    return {
        "collection": name,
        "path": str(path),
        "size_bytes": path.stat().st_size,
        "content_sha256": collection.content_sha256(),
        "files": dict(Counter(document.status for document in documents)),
        "n_passages": sum(document.n_passages for document in documents),
        "vectors": None if embedding is None else os.fspath(embedding[0].path),
        "without_vector": None if embedding is None else embedding[1],
        "sources": [os.fspath(s.path) for s in sources if not s.is_excluded],
        "excluded": [os.fspath(s.path) for s in sources if s.is_excluded],
        "not_indexed": [_document(each) for each in documents if each.status != "indexed"],
        "noted": [_document(each) for each in documents if each.status == "indexed" and each.error],
    }


def print_status(reports: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """`reports`: of `report_of`."""
    if as_json:
        print_json(list(reports))
        return
    if not reports:
        print_note("no collections yet: localcollab docs add PATH creates one")
    for report in reports:
        states = ", ".join(f"{n} {state}" for state, n in report["files"].items()) or "no files"
        print_line(f"{report['collection']}: {states}; {count(report['n_passages'], 'passage')}")
        print_line(f"    {report['path']} ({report['size_bytes'] / 1e6:.1f} MB)")
        if report["vectors"]:
            left = report["without_vector"]
            todo = f"; {count(left, 'passage')} without (localcollab docs embed)" if left else ""
            print_line(f"    also searched by vectors of {_line(report['vectors'])}{todo}")
        for source in report["sources"]:
            print_line(f"    from {_line(source)}")
        for each in (*report["not_indexed"], *report["noted"]):
            print_line(f"    {each['status']}  {_line(each['path'])}: {visible(each['error'])}")


def count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _place(passage: Passage) -> str:
    """Document, page, heading and characters of a passage, in one printable line."""
    parts = [_line(passage.document.path)]
    if passage.page is not None:
        parts.append(f"page {passage.page}")
    if passage.heading:
        parts.append(_line(passage.heading))
    return f"{', '.join(parts)} (characters {passage.start} to {passage.end})"


def _state(document: Document) -> str:
    if document.status == "indexed":
        state = f"indexed ({document.format}, {count(document.n_passages, 'passage')})"
        return state + (f", but {visible(document.error)}" if document.error else "")
    return f"{document.status}: {visible(document.error)}"


def _document(document: Document) -> dict[str, Any]:
    return asdict(document) | {"path": os.fspath(document.path)}


def _passage(passage: Passage) -> dict[str, Any]:
    return asdict(passage) | {"document": os.fspath(passage.document.path)}


def _line(value: Path | str) -> str:
    """One line, whatever is in a file's name."""
    return visible(os.fspath(value)).replace("\n", "\u240a").replace("\t", "\u2409")
