"""`localcollab docs revise`: asks for a revision, and prints or writes it as a diff with its sources."""

import os
from collections.abc import Iterator
from typing import Any

from localcollab.cli.request import ReviseRequest
from localcollab.documents.collection import open_collection
from localcollab.documents.ingest.sync import real_path
from localcollab.documents.revise.dating import given
from localcollab.documents.revise.diff import line_of, original, unified_diff
from localcollab.documents.revise.revise import Change, Revision, revise
from localcollab.errors import BadOption
from localcollab.progress import Counted
from localcollab.storage.os_errors import explained
from localcollab.terminal.printing import print_json, print_line, print_note, print_text
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import one_line


def propose(request: ReviseRequest) -> Revision:
    """Raises `BadCollection`, `BadOption`."""
    date = None if request.dated is None else given(request.dated)
    path, status = real_path(request.file), Status()
    with open_collection(request.collection) as collection:
        found = revise(
            path, collection, date=date,
            on_compared=lambda done, n: status.show(Counted("comparing", done, n, "sentences")),
        )  # fmt: skip
    status.clear()
    return found


def print_revision(revision: Revision, request: ReviseRequest, *, as_json: bool) -> None:
    """On standard output, or into the file that was asked for. Raises `BadOption`."""
    data = revision.file.path.read_bytes()
    own = original(revision, data)
    if request.out is not None:
        _write(revision, own, request)
    if as_json:
        print_json(_record(revision, request))
    elif request.out is not None and revision.changes:
        print_line(f"{request.out}: {_count(revision)} proposed")
    elif revision.changes:
        print_text("".join(_lines(revision, own, request)).removesuffix("\n"))
    if not as_json:
        print_note(_summary(revision, own))


def _write(revision: Revision, own: str | None, request: ReviseRequest) -> None:
    assert request.out is not None
    if not revision.changes:
        return
    text = "".join(_lines(revision, own, request))
    try:
        with request.out.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise BadOption(
            f"`out` is {request.out}, which exists: nothing is overwritten; give another"
        ) from None
    except OSError as error:
        raise BadOption(explained(error, request.out)) from error


def _lines(revision: Revision, own: str | None, request: ReviseRequest) -> Iterator[str]:
    """The sources first: what stands before `---` is no part of a diff."""
    for n, change in enumerate(revision.changes, start=1):
        where = f"line {line_of(revision.file.text, change.start)}"
        if own is None:
            where = f"characters {change.start} to {change.end} of its text"
        yield f"[{n}] {where}: {one_line(change.old)} -> {one_line(change.new)}\n"
        yield f"    {one_line(_source(change))}\n    “{one_line(_quote(change))}”\n"
    if own is not None:
        name = one_line(os.fspath(request.file))
        yield from unified_diff(revision, own, name)


def _source(change: Change) -> str:
    passage, (start, end) = change.passage, change.quote
    page = f", page {passage.page}" if passage.page is not None else ""
    place = f"characters {passage.start + start} to {passage.start + end}"
    return f"from {passage.document.path}{page} ({place}), {change.dated}"


def _quote(change: Change) -> str:
    return " ".join(change.passage.text[slice(*change.quote)].split())


def _summary(revision: Revision, own: str | None) -> str:
    file = revision.file.path.name
    if not revision.n_newer:
        return (
            f"no document is newer than {file} ({revision.dated}): give its date with --dated if it "
            "is older"
        )
    text = (
        f"{file} ({revision.dated}): {revision.n_compared} sentences compared with "
        f"{revision.n_newer} newer documents, {_count(revision)} proposed; {file} is not changed"
    )
    return text if own is not None else f"{text}; a diff is made of text files in UTF-8 only"


def _count(revision: Revision) -> str:
    n = len(revision.changes)
    return f"{n} change{'' if n == 1 else 's'}"


def _record(revision: Revision, request: ReviseRequest) -> dict[str, Any]:
    return {
        "file": str(revision.file.path),
        "dated": str(revision.dated),
        "compared": revision.n_compared,
        "newer": revision.n_newer,
        "out": None if request.out is None or not revision.changes else str(request.out),
        "changes": [
            {
                "start": change.start,
                "end": change.end,
                "line": line_of(revision.file.text, change.start),
                "old": change.old,
                "new": change.new,
                "kind": change.kind,
                "document": os.fspath(change.passage.document.path),
                "page": change.passage.page,
                "source_start": change.passage.start + change.quote[0],
                "source_end": change.passage.start + change.quote[1],
                "quote": _quote(change),
                "source_dated": str(change.dated),
            }
            for change in revision.changes
        ],
    }
