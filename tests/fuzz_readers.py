"""What a file of each kind meets in the program, without a model: yields whether it passed its header's
check, then goes on to everything that reads it. Runs in the child that `fuzzing` starts.
"""

import io
import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fuzz_databases import collections, histories
from fuzz_seeds import N_EMBD, SHA_BASE, SHA_EXPERT, VOCABULARY
from localcollab.errors import (
    BadArchive,
    BadCatalog,
    BadDatabase,
    BadHistory,
    BadOption,
    BridgeMismatch,
    EvaluationFailed,
    HeadMismatch,
    LocalcollabError,
    MixtureMismatch,
    RankerMismatch,
)

if TYPE_CHECKING:
    from localcollab.history import History

Read = Callable[[Path, Path], Iterator[bool]]


@dataclass(frozen=True, slots=True)
class Reader:
    """`errors`: the only ones that a bad file may raise. `modules`: whose lines a run should cover."""

    read: Read
    errors: tuple[type[Exception], ...]
    modules: tuple[str, ...]
    memory_bytes: int = 2_000_000_000
    """Address space of the child."""
    peak_bytes: int = 300_000_000
    """What a small file may make of it."""
    hides_warnings: bool = False
    """The program reads these in a child whose standard error nobody sees."""


def _tensors_of(path: Path, format: str) -> bool:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return bool((file.metadata() or {}).get("format") == format)
    except Exception:
        return False


def heads(path: Path, folder: Path) -> Iterator[bool]:
    from localcollab.methods.heads import FORMAT, load_head

    yield _tensors_of(path, FORMAT)
    head = load_head(path)
    hidden = np.random.default_rng(0).normal(size=(3, head.n_embd)).astype(np.float32)
    for states in (hidden, hidden * np.float32(1e30), hidden * 0):
        p = head.p_defer(states)
        assert p.shape == (3, head.n_experts)
        assert ((p >= 0) & (p <= 1)).all()
    head.require(SHA_BASE, [SHA_EXPERT] * 2, VOCABULARY, N_EMBD)


def bridges(path: Path, folder: Path) -> Iterator[bool]:
    from localcollab.methods.bridges import FORMAT, load_bridge
    from localcollab.methods.calm import CrossAttention

    yield _tensors_of(path, FORMAT)
    bridge = load_bridge(path)
    assert bridge.n_bytes >= 0 <= bridge.bytes_per_token
    bridge.require(SHA_BASE, [SHA_EXPERT], VOCABULARY, [N_EMBD, N_EMBD])
    states = np.random.default_rng(0).normal(size=(3, N_EMBD)).astype(np.float32)
    for pair in bridge.pairs:
        attention = CrossAttention(pair, bridge.metadata.n_heads, 8, bridge.metadata.slopes)
        with np.errstate(all="ignore"):  # the model checks what comes out
            attention.store(0, states)
            assert attention.attend(0, states).shape == (3, N_EMBD)


def rankers(path: Path, folder: Path) -> Iterator[bool]:
    from localcollab.blend.ranker_file import FORMAT, load_ranker_file

    yield _tensors_of(path, FORMAT)
    ranker = load_ranker_file(path)
    assert json.dumps(ranker.card.metrics)
    ranker.card.form.write([1, 2, 3], [4] * 100, [])
    width = len(ranker.tensors["hidden_bias"])
    with np.errstate(all="ignore"):  # ranking checks what comes out
        ranker.logit(np.ones((3, width), np.float32))
    ranker.card.form.require_vocabulary(100)
    ranker.require_width(8)
    ranker.require_encoder(SHA_BASE)


def mixtures(path: Path, folder: Path) -> Iterator[bool]:
    from localcollab.methods.mixtures import FORMAT, load_mixture

    yield _json_format(path, FORMAT)
    mixture = load_mixture(path)
    mixture.require([SHA_BASE, SHA_EXPERT], VOCABULARY)


def _json_format(path: Path, format: str) -> bool:
    try:
        return bool(json.loads(path.read_bytes())["format"] == format)
    except Exception:
        return False


def _is_toml(path: Path) -> bool:
    try:
        return bool(tomllib.loads(path.read_text(encoding="utf-8")))
    except Exception:
        return False


def catalogues(path: Path, folder: Path) -> Iterator[bool]:
    """Read with its faults left out, as a user's own is, and asked for everything in it."""
    from localcollab.catalog.reading import parse_catalog, read_catalog
    from localcollab.teams.listing import team_lines, team_records
    from localcollab.teams.plan import plan_from_catalog

    yield _is_toml(path)
    catalog = read_catalog(path)
    for fault in catalog.faults:
        assert fault.text
    for record in team_records(catalog):
        team_lines(record)
    for name in (*catalog.teams, "x"):
        try:
            team = catalog.team(name)
            list(catalog.problems(team))
            catalog.models_of(team)
            catalog.trained_of(team)
            plan_from_catalog(catalog, team)
        except LocalcollabError as error:
            assert str(error)  # noqa: PT017
    for name in (*catalog.models, "x"):
        try:
            catalog.model(name)
            catalog.files_of(name)
        except LocalcollabError as error:
            assert str(error)  # noqa: PT017
    parse_catalog(path)


def settings(path: Path, folder: Path) -> Iterator[bool]:
    from localcollab_tui.settings import key_problems, load_settings, save_theme

    yield _is_toml(path)
    loaded = load_settings(path)
    key_problems(loaded.keys, ("chat.search", "chat.new", "chat.quit"))
    save_theme(path, "nord")
    again = load_settings(path)
    assert (again.theme, again.keys) == ("nord", loaded.keys)


def imports(path: Path, folder: Path) -> Iterator[bool]:
    from localcollab.history import open_history
    from localcollab.history.export import FORMAT

    yield _json_format(path, FORMAT)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # the command line's own check
    with open_history(None) as history:
        before = history.count()
        try:
            id_ = history.import_json(text, path.name).id
        except BadHistory:
            assert history.count() == before
            raise
        _read_all(history)
        # What came in goes out and in again.
        history.import_json(history.export_json(id_))
        last = history.branch(id_)[-1:]
        if last and last[0].role == "assistant":
            history.add_question(history.fork(last[0].id).id, "x")


def _read_all(history: "History") -> None:
    for conversation in history.conversations(limit=100):
        for message in history.branch(conversation.id):
            history.tokens(message.id)
        history.turns(conversation.id, "12" * 32)
        history.export_markdown(conversation.id)
        history.export_json(conversation.id)
    for text in ("tin", "in", "🥫", '"x'):
        history.search(text)


def archives(path: Path, folder: Path) -> Iterator[bool]:
    import os
    import shutil
    import tarfile

    from localcollab.archives.unpack import import_team
    from localcollab.catalog import load_catalog

    yield _has_manifest(path)
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    os.environ |= {f"XDG_{kind}_HOME": str(home / kind) for kind in ("DATA", "CONFIG", "CACHE")}
    try:
        import_team(path)
    finally:
        written = [file for file in home.rglob("*") if file.is_file() or file.is_symlink()]
        assert all(file.resolve().is_relative_to(home.resolve()) for file in written)
        assert not [file for file in written if file.name.endswith(".partial")]
        names = {file.name for file in folder.iterdir()}
        assert names <= {"home", path.name, "child.err"}, names
    load_catalog()
    import_team(path)  # again: nothing to do
    assert tarfile.is_tarfile(path)


def _has_manifest(path: Path) -> bool:
    import tarfile

    from localcollab.archives.archive import FORMAT

    try:
        with tarfile.open(path, "r:") as tar:
            first = tar.next()
            source = first and tar.extractfile(first)
            return bool(source and json.loads(source.read())["format"] == FORMAT)
    except Exception:
        return False


def documents(path: Path, folder: Path) -> Iterator[bool]:
    """As the program's own child reads them: see `localcollab.documents.parsing.child`."""
    from localcollab.documents.ingest.split import split
    from localcollab.documents.parsing.formats import find_format, parser_of
    from localcollab.documents.parsing.limits import DEFAULT_LIMITS
    from localcollab.documents.parsing.raw import Raw

    raw = Raw(path.read_bytes(), path.suffix, DEFAULT_LIMITS)
    format = find_format(raw)
    yield True
    n_chars, sections = 0, []
    for section in parser_of(format)(raw):
        n_chars += len(section.text)
        if n_chars > raw.limits.text_chars:
            return
        sections.append(section)
    raw.summary()
    io.StringIO("".join(section.text for section in sections).encode("utf-8", "replace").decode())
    list(split(sections))


def broken(path: Path, folder: Path) -> Iterator[bool]:
    """Does what no reader should, as its file says: for the test of the fuzzer itself."""
    import os
    import signal

    yield True
    match path.read_text():
        case "signal":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            while True:
                pass
        case "memory":
            assert len(bytearray(400_000_000))
        case "too much memory":
            assert len(bytearray(3_000_000_000))
        case "error":
            raise ZeroDivisionError("1 / 0")
        case "refused":
            raise BadOption("is refused")


def _readers() -> dict[str, Reader]:
    from localcollab.documents.parsing.section import Missing, Refused, Unreadable

    artifact, history = "localcollab.storage.artifact", "localcollab.history"
    parsing = "localcollab.documents.parsing"
    return {
        "broken": Reader(broken, (BadOption,), ()),
        "heads": Reader(heads, (HeadMismatch,), (artifact, "localcollab.methods.heads")),
        "bridges": Reader(
            bridges, (BridgeMismatch, EvaluationFailed), (artifact, "localcollab.methods.bridges")
        ),
        "rankers": Reader(rankers, (RankerMismatch,), (artifact, "localcollab.blend.ranker_file")),
        "mixtures": Reader(mixtures, (MixtureMismatch,), ("localcollab.methods.mixtures",)),
        "catalogues": Reader(
            catalogues, (BadCatalog,),
            ("localcollab.catalog", "localcollab.teams.listing", "localcollab.teams.plan"),
        ),
        "settings": Reader(settings, (BadOption,), ("localcollab_tui.settings",)),
        "imports": Reader(
            imports, (BadHistory,), (f"{history}.import_json", f"{history}.json_record",
            f"{history}.rows")
        ),
        "archives": Reader(
            archives, (BadArchive,),
            ("localcollab.archives.unpack", "localcollab.archives.unpack_names"),
        ),
        "histories": Reader(
            histories, (BadDatabase, BadOption),
            ("localcollab.storage.sqlite", f"{history}.database", f"{history}.rows", f"{history}.tree",
             f"{history}.store", f"{history}.search", f"{history}.export"),
        ),
        "collections": Reader(
            collections, (BadDatabase, BadOption),
            ("localcollab.storage.sqlite", "localcollab.documents.database",
            "localcollab.documents.store",
             "localcollab.documents.collection", "localcollab.documents.search.search",
             "localcollab.documents.search.vectors"),
        ),
        "documents": Reader(
            documents, (Refused, Unreadable, Missing, RecursionError), (parsing,), 1_000_000_000,
            600_000_000
        ),
    }  # fmt: skip


READERS = _readers()
