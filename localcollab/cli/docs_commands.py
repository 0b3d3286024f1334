"""`localcollab docs`: results on stdout, notes on stderr. Texts are shown, never executed."""

import os
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from localcollab.documents.collection import Collection, collection_names, open_collection
from localcollab.documents.ingest.sync import real_path
from localcollab.documents.parsing.limits import DEFAULT_LIMITS, Limits
from localcollab.documents.records import Document, Passage, Tally, Visit
from localcollab.errors import BadOption
from localcollab.terminal.printing import print_json, print_line, print_note, print_text
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible

_EXCERPT = 300


def add(paths: tuple[Path, ...], name: str, *, max_mb: int, as_json: bool) -> None:
    # Before a collection is made: none is to stay behind a mistake.
    real = [real_path(path) for path in paths]
    with open_collection(name, create=True) as collection, _Progress(as_json) as progress:
        tally = collection.add(real, limits=_limits(max_mb), on_visit=progress.visit)
    _print_tally(tally, name, as_json=as_json)


def sync(name: str, *, max_mb: int, as_json: bool) -> None:
    with open_collection(name) as collection, _Progress(as_json) as progress:
        tally = collection.sync(limits=_limits(max_mb), on_visit=progress.visit)
    _print_tally(tally, name, as_json=as_json)


def embed(
    model: str | None, off: bool, name: str, *, before_query: str, before_passage: str,
    catalogs: tuple[Path, ...], as_json: bool,
) -> None:  # fmt: skip
    """Raises `BadOption`, `BadCatalog`, `BadModelFile`."""
    if (model is None) != off:
        raise BadOption("give either `model`, an encoder to search with, or `off`")
    with open_collection(name) as collection:
        if model is None:
            collection.forget_vectors()
            n_made = 0
        else:
            status = Status()
            n_made = collection.embed(
                _model_path(model, catalogs), before_query=before_query,
                before_passage=before_passage,
                on_embedded=lambda done, n: status.show(f"{done} of {_count(n, 'passage')}"),
            )  # fmt: skip
            status.clear()
    if as_json:
        print_json({"collection": name, "model": model, "embedded": n_made})
    else:
        how = f"{_count(n_made, 'passage')} embedded" if model else "searched by words alone"
        print_line(f"{name}: {how}")


def _model_path(model: str, catalogs: tuple[Path, ...]) -> Path:
    if Path(model).is_file():
        return Path(model).resolve()
    from localcollab.catalog import load_catalog

    return load_catalog(*catalogs).model(model).path


def remove(paths: tuple[Path, ...], name: str, *, as_json: bool) -> None:
    with open_collection(name) as collection:
        removed = collection.remove(paths)
    if as_json:
        print_json([_document(each) for each in removed])
    else:
        print_line(f"{_count(len(removed), 'file')} removed from {name}")


def print_list(name: str, *, as_json: bool) -> None:
    with open_collection(name) as collection:
        documents = collection.documents()
    if as_json:
        print_json([_document(each) for each in documents])
        return
    for document in documents:
        print_line(f"{_state(document)}  {_line(document.path)}")


def print_search(query: str, name: str, *, n: int, as_json: bool) -> None:
    with open_collection(name) as collection:
        embedding, hits = collection.embedding(), collection.search(query, n)
    if embedding is not None and embedding[1]:
        left = f"{_count(embedding[1], 'passage')} without a vector, found by words alone"
        print_note(f"{left}: localcollab docs embed makes them")
    if as_json:
        print_json([_passage(hit.passage) | {"score": hit.score} for hit in hits])
        return
    if not hits:
        print_note(f"nothing found for {query!r}")
    for number, hit in enumerate(hits, 1):
        print_line(f"[{number}] {place(hit.passage)}")
        text = " ".join(visible(hit.passage.text).split())
        print_line(f"    {text if len(text) <= _EXCERPT else text[:_EXCERPT] + ' ...'}")


def print_document(name_or_end: str, name: str, *, page: int | None, as_json: bool) -> None:
    """Raises `BadOption` where no file, or more than one, is meant."""
    with open_collection(name) as collection:
        document = _find(collection, name_or_end)
        passages = [p for p in collection.passages(document) if page in (None, p.page)]
    if page is not None and not passages:
        raise BadOption(f"{document.path} has no text on page {page}: show it without `page`")
    if as_json:
        print_json(_document(document) | {"passages": [_passage(p) for p in passages]})
        return
    if document.error:
        print_note(f"{document.status}: {document.error}")
    print_text("".join(passage.text for passage in passages))


def print_status(name: str | None, *, as_json: bool) -> None:
    reports = [_report(each) for each in ((name,) if name else collection_names())]
    if as_json:
        print_json(reports)
        return
    if not reports:
        print_note("no collections yet: localcollab docs add PATH makes one")
    for report in reports:
        states = ", ".join(f"{n} {state}" for state, n in report["files"].items()) or "no files"
        print_line(f"{report['collection']}: {states}; {_count(report['n_passages'], 'passage')}")
        print_line(f"    {report['path']} ({report['size_bytes'] / 1e6:.1f} MB)")
        if report["vectors"]:
            left = report["without_vector"]
            todo = f"; {_count(left, 'passage')} without (localcollab docs embed)" if left else ""
            print_line(f"    searched by vectors of {_line(report['vectors'])} too{todo}")
        for source in report["sources"]:
            print_line(f"    from {_line(source)}")
        for each in (*report["not_indexed"], *report["noted"]):
            print_line(f"    {each['status']}  {_line(each['path'])}: {visible(each['error'])}")


def place(passage: Passage) -> str:
    """Where a passage stands, in one printable line."""
    parts = [_line(passage.document.path)]
    if passage.page is not None:
        parts.append(f"page {passage.page}")
    if passage.heading:
        parts.append(_line(passage.heading))
    return f"{', '.join(parts)} (characters {passage.start} to {passage.end})"


class _Progress:
    """Files as they are done: each on a line for programs; those not read whole as notes."""

    def __init__(self, as_json: bool) -> None:
        self._status, self._as_json, self._n = Status(), as_json, 0

    def visit(self, visit: Visit) -> None:
        self._n += 1
        if self._as_json:
            print_json(
                {"change": visit.change, **_document(visit.document)}, indent=None, flush=True
            )
        elif visit.document.error and visit.change in ("added", "changed"):
            self._status.note(f"{_state(visit.document)}  {_line(visit.document.path)}")
        self._status.show(f"{_count(self._n, 'file')}: {_line(visit.document.path)}")

    def __enter__(self) -> "_Progress":
        # Other programs come first; a search meanwhile is another process.
        if hasattr(os, "nice"):
            os.nice(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._status.clear()


def _limits(max_mb: int) -> Limits:
    return replace(DEFAULT_LIMITS, file_bytes=max_mb * 1_000_000)


def _print_tally(tally: Tally, name: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"tally": asdict(tally)}, indent=None)
        return
    line = (
        f"{name}: {_count(tally.added, 'file')} added, {tally.changed} changed, "
        f"{tally.unchanged} unchanged, {tally.removed} removed"
    )
    if tally.not_indexed:
        line += f"; {tally.not_indexed} not indexed (localcollab docs status says why)"
    print_line(line)


def _report(name: str) -> dict[str, Any]:
    with open_collection(name) as collection:
        documents, sources = collection.documents(), collection.sources()
        digest, embedding = collection.content_sha256(), collection.embedding()
        assert collection.path is not None
        path = collection.path
    return {
        "collection": name,
        "path": str(path),
        "size_bytes": path.stat().st_size,
        "content_sha256": digest,
        "files": dict(Counter(document.status for document in documents)),
        "n_passages": sum(document.n_passages for document in documents),
        "vectors": None if embedding is None else os.fspath(embedding[0].path),
        "without_vector": None if embedding is None else embedding[1],
        "sources": [os.fspath(s.path) for s in sources if not s.is_excluded],
        "excluded": [os.fspath(s.path) for s in sources if s.is_excluded],
        "not_indexed": [_document(each) for each in documents if each.status != "indexed"],
        "noted": [_document(each) for each in documents if each.status == "indexed" and each.error],
    }


def _find(collection: Collection, name_or_end: str) -> Document:
    exact = Path(os.path.realpath(name_or_end))
    documents = collection.documents()
    found = [each for each in documents if each.path == exact] or [
        each for each in documents if os.fspath(each.path).endswith(name_or_end)
    ]
    if len(found) != 1:
        count = f"{len(found)} files end so" if found else "no file of it ends so"
        raise BadOption(f"{name_or_end!r}: {count}; see localcollab docs list")
    return found[0]


def _state(document: Document) -> str:
    if document.status == "indexed":
        state = f"indexed ({document.format}, {_count(document.n_passages, 'passage')})"
        return state + (f", but {visible(document.error)}" if document.error else "")
    return f"{document.status}: {visible(document.error)}"


def _document(document: Document) -> dict[str, Any]:
    return asdict(document) | {"path": os.fspath(document.path)}


def _passage(passage: Passage) -> dict[str, Any]:
    return asdict(passage) | {"document": os.fspath(passage.document.path)}


def _line(value: Path | str) -> str:
    """One line, whatever is in a file's name."""
    return visible(os.fspath(value)).replace("\n", "\u240a").replace("\t", "\u2409")


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
