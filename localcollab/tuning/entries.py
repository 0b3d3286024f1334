"""Writes the winner into a models.toml: its members in their forms, the team, and the evidence.

Comments and order of the file stay (tomlkit); what was chosen earlier under the same name is replaced.
The new entries are checked as a catalogue before the new text takes the place of the old one.
"""

import contextlib
import os
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcollab import __version__
from localcollab.archives.archive import team_table
from localcollab.catalog import Deferral, Method, ModelEntry, TeamEntry, user_catalog_path
from localcollab.catalog.evidence import Evidence, evidence_table
from localcollab.catalog.settings import as_table
from localcollab.errors import BadCatalog, BadOption
from localcollab.storage.os_errors import explained
from localcollab.tuning.cast import Cast
from localcollab.tuning.contenders import Contender
from localcollab.tuning.prompts import Form
from localcollab.tuning.result import TuneResult

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


@dataclass(frozen=True, slots=True)
class Winner:
    name: str
    """Of the team that is written, and the beginning of its members' names."""
    cast: Cast
    forms: Mapping[str, Form]
    """By member: the form that it is asked in."""
    best: str
    """The best member alone."""
    contender: Contender | None
    """None: there was no team to try; the best member is written."""
    result: TuneResult
    data_sha256: str


def check_free(name: str, out: Path | None) -> None:
    """Before minutes of asking. Raises `BadOption` where the name is somebody else's, `BadCatalog`."""
    path = _target(out)
    tables = _parse(path, _text_of(path)).unwrap()
    team, head = (tables.get(table, {}).get(name) for table in ("teams", "heads"))
    if team is not None and "evidence" not in team:
        raise BadOption(f"`name`: {path} has a team {name!r} that is not tune's: give another name")
    if head not in (None, {"path": _head_file(name)}):
        raise BadOption(f"`name`: {path} has a head {name!r} that is not tune's: give another name")


def write_winner(winner: Winner, out: Path | None) -> Path:
    """Raises `BadCatalog`, `BadOption`."""
    check_free(winner.name, out)
    path = _target(out)
    text = _text_of(path)
    document = _parse(path, text)
    names = {name: _written_name(winner, name) for name in winner.cast.members}
    wanted: dict[str, dict[str, Any]] = {"models": {}, "teams": {}}
    beside: dict[Path, bytes] = {}
    for member, name in names.items():
        if name != member:
            entry, form = winner.cast.catalog.model(member), winner.forms[member]
            template = path.with_name(f"{name}.jinja")
            wanted["models"][name] = model_table(entry, form, template)
            if form.template is not None:
                beside[template] = form.template.encode()
    if winner.contender is not None:
        wanted["teams"] |= _team_tables(winner, names)
        beside |= _head_files(winner.contender, path.with_name(_head_file(winner.name)))
        if winner.contender.head is not None:
            wanted["heads"] = {winner.name: {"path": _head_file(winner.name)}}
    for table, entries in wanted.items():
        _enter(document, table, entries)
    new = document.as_string()
    _check(path, new, text, wanted)
    for file, content in beside.items():
        _write(file, content)
    _write(path, new.encode())
    return path


def _head_file(name: str) -> str:
    return f"{name}.head.safetensors"


def _head_files(contender: Contender, head: Path) -> Mapping[Path, bytes]:
    """The trained head as `head`, and the curve of its thresholds."""
    if contender.head is None:
        return {}
    curve = contender.head.with_suffix(".curve.json")
    return {
        head: contender.head.read_bytes(),
        head.with_suffix(".curve.json"): curve.read_bytes(),
    }


def _target(out: Path | None) -> Path:
    """Behind a link, the file itself: the link stays."""
    return Path(os.path.realpath(out or user_catalog_path()))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, ValueError) as error:
        raise BadCatalog(f"{path}: cannot be read as TOML ({error}): correct it") from error


def _parse(path: Path, text: str) -> "TOMLDocument":
    # Imported here: only this command edits a catalogue.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        tomllib.loads(text)
        return tomlkit.parse(text)
    except (ValueError, RecursionError, TOMLKitError) as error:
        raise BadCatalog(f"{path}: cannot be read as TOML ({error}): correct it") from error


def _written_name(winner: Winner, member: str) -> str:
    """Its own where it is asked as it is; else that of an entry with its form."""
    as_it_is = winner.forms[member].template is None and member not in winner.cast.files
    return member if as_it_is else f"{winner.name}-{member}"


def model_table(entry: ModelEntry, form: Form, template: Path) -> dict[str, Any]:
    """As models.toml has a model that is asked in a form, whose template lies beside it as `template`."""
    table: dict[str, Any] = (
        {"path": str(entry.path)} if entry.weights_of is None else _adapted(entry)
    )
    table |= as_table(entry.settings)
    if form.template is not None:
        table |= {"template": template.name, "stop": list(form.stop)}
    elif entry.settings.template is not None:
        table["template"] = str(entry.settings.template)
    return table


def _adapted(entry: ModelEntry) -> dict[str, Any]:
    adapter = entry.adapter_model or str(entry.adapter)
    return {"adapter": adapter, "weights_of": entry.weights_of}


def _team_tables(winner: Winner, names: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    assert winner.contender is not None
    method = _renamed(winner.contender.method, names)
    if winner.contender.head is not None and isinstance(method, Deferral):
        method = replace(method, head=winner.name)
    about = f"{winner.contender.name}, chosen on {winner.result.n_choose} questions"
    entry = TeamEntry(winner.name, method, about=about)
    evidence = evidence_table(_evidence(winner, names[winner.best]))
    return {winner.name: team_table(entry) | {"evidence": evidence}}


def _renamed(method: Method, names: Mapping[str, str]) -> Method:
    keys = {place.key for place in method.places}
    changed: dict[str, Any] = {}
    for each in fields(method):
        value = getattr(method, each.name)
        if each.name in keys and isinstance(value, tuple):
            changed[each.name] = tuple(names.get(name, name) for name in value)
        elif each.name in keys and each.name != "ranker" and value is not None:
            changed[each.name] = names.get(value, value)
    if isinstance(method, Deferral):
        changed["familiar"] = {names.get(name, name): f for name, f in method.familiar.items()}
    return replace(method, **changed)


def _evidence(winner: Winner, member: str) -> Evidence:
    result = winner.result
    assert result.verdict is not None
    assert result.winner is not None
    return Evidence(
        verdict=result.verdict.decision, member=member, n=result.n_quote,
        team_accuracy=round(result.winner.accuracy, 6), p=round(result.verdict.p, 9),
        member_accuracy=round(result.best.accuracy, 6),
        all_wrong=round(result.together.beta, 6), data=winner.data_sha256,
        date=datetime.now(UTC).strftime("%Y-%m-%d"), version=__version__,
        n_more=result.verdict.n_more, curve=result.curve,
    )  # fmt: skip


def _enter(document: "TOMLDocument", table: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
    import tomlkit

    for name, values in entries.items():
        if table not in document:
            document[table] = tomlkit.table(is_super_table=True)
        item = tomlkit.table()
        for key, value in values.items():
            item[key] = tomlkit.item(value)
        document[table][name] = item


def _check(path: Path, new: str, old: str, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """The new text holds the old entries and the wanted ones, and is a catalogue."""
    from localcollab.catalog.validate import check

    tables, expected = tomllib.loads(new), tomllib.loads(old)
    for table, entries in wanted.items():
        if entries:
            expected[table] = expected.get(table, {}) | dict(entries)
    if tables != expected:
        raise BadCatalog(f"{path}: its tables cannot be edited: give another file as `out`")
    # What others wrote into it is theirs: an earlier fault stays one line when it is read.
    check(path, {table: dict(entries) for table, entries in wanted.items()})


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        if path.exists():
            shutil.copymode(path, partial)
        os.replace(partial, path)
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        reason = explained(error, path) if isinstance(error, OSError) else str(error)
        raise BadCatalog(f"{path} cannot be written: {reason}") from error
