"""`localcollab models list` and `show`: what is here, what could be, and what it takes on the disk."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from localcollab.catalog import Catalog, ModelEntry, VerifiedEntry, load_catalog
from localcollab.errors import BadCatalog, BadModelFile
from localcollab.models.other_programs import find_everywhere
from localcollab.models.store import is_ours
from localcollab.terminal.visible_text import visible


class ModelRecord(TypedDict):
    """One model for `--json`. `on_disk` is null where the file is not here."""

    name: str
    about: str
    path: str
    installed: bool
    on_disk: int | None
    kept_by: str
    teams: list[str]
    repository: str | None
    file: str | None
    sha256: str | None
    parameters: int | None
    n_ctx: int | None
    licence: str | None
    checked: bool
    adapter: str | None
    verified: dict[str, Any] | None
    problem: str | None


def records(catalog: Catalog) -> list[ModelRecord]:
    return [_record(catalog, name) for name in catalog.models]


def _record(catalog: Catalog, name: str) -> ModelRecord:
    problem = None
    entry = catalog.models[name]
    try:
        entry = catalog.model(name)
    except BadCatalog as error:
        problem = str(error)
    installed = problem is None and os.path.isfile(entry.path)
    return {
        "name": name,
        "about": entry.about,
        "path": str(entry.path),
        "installed": installed,
        "on_disk": entry.path.stat().st_size if installed else None,
        "kept_by": ("localcollab" if is_ours(entry.path) else "others") if installed else "nobody",
        "teams": [t.name for t in catalog.teams.values() if name in catalog.models_of(t)],
        "repository": entry.repository,
        "file": entry.file,
        "sha256": entry.sha256,
        "parameters": entry.parameters,
        "n_ctx": entry.n_ctx,
        "licence": entry.licence,
        "checked": entry.checked,
        "adapter": str(entry.adapter) if entry.adapter else None,
        "verified": asdict(entry.verified) if entry.verified else None,
        "problem": problem,
    }


def print_models(catalogs: tuple[Path, ...], *, elsewhere: bool, as_json: bool) -> None:
    """Raises `BadCatalog`."""
    if elsewhere:
        print_elsewhere(as_json=as_json)
        return
    found = records(load_catalog(*catalogs))
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for record in found:
        print(visible(_line(record)))
    ours = {r["path"]: r["on_disk"] or 0 for r in found if r["kept_by"] == "localcollab"}
    everything = {r["path"]: r["on_disk"] or 0 for r in found if r["installed"]}
    print(
        f"on the disk: {size_text(sum(everything.values()))} in {len(everything)} files, "
        f"{size_text(sum(ours.values()))} of it kept by localcollab"
    )


def _line(record: ModelRecord) -> str:
    if record["problem"]:
        return f"{record['name']}: problem: {record['problem']}"
    size = record["on_disk"]
    if size is not None:
        state = (
            size_text(size) if record["kept_by"] == "localcollab" else f"{size_text(size)}, linked"
        )
    elif record["repository"]:
        state = f"not installed: localcollab models pull {record['name']}"
    else:
        state = f"missing: {record['path']}"
    return f"{record['name']} ({state}): {record['about'] or 'no description'}"


def print_elsewhere(*, as_json: bool) -> None:
    found = find_everywhere()
    if as_json:
        rows = [
            {"name": f.name, "path": str(f.path), "size_bytes": f.size_bytes, "program": f.program}
            for f in found
        ]
        print(json.dumps(rows, indent=1))
        return
    for file in found:
        print(visible(f"{file.name} ({file.program}, {size_text(file.size_bytes)}): {file.path}"))
    print(f"{len(found)} files; localcollab models add NAME enters one, without a copy")


def print_model(name: str, catalogs: tuple[Path, ...], *, as_json: bool) -> None:
    """Raises `BadCatalog`."""
    catalog = load_catalog(*catalogs)
    catalog.model(name)
    record = _record(catalog, name)
    if as_json:
        print(json.dumps(record, indent=1))
        return
    for key, value in record.items():
        if value not in (None, "", []) and key != "verified":
            text = ", ".join(value) if isinstance(value, list) else value
            print(visible(f"{key}: {text}"))
    entry = catalog.model(name)
    if entry.verified:
        print(visible(f"verified: {verified_text(entry.verified)}"))
    for line in _header_lines(entry):
        print(visible(line))


def verified_text(found: VerifiedEntry) -> str:
    """One line, as in `models show`."""
    text = f"{found.date} against {found.against[:12]}: tokenizer "
    text += "equal" if found.same_tokenizer else "DIFFERS"
    if found.kl is not None and found.same_top1 is not None:
        text += f", KL {found.kl:.2g} nats, same top-1 {100 * found.same_top1:.2f} %"
    if found.perplexity_change is not None:
        text += f", perplexity {100 * found.perplexity_change:+.2f} %"
    tokens = "" if found.n_tokens is None else f"{found.n_tokens} tokens, "
    return f"{text} ({tokens}localcollab {found.version})"


def _header_lines(entry: ModelEntry) -> list[str]:
    if not os.path.isfile(entry.path):
        return []
    from localcollab.llama.header import read_header

    try:
        header = read_header(entry.path)
    except BadModelFile as error:
        return [f"problem: {error}"]
    n_tokens = header.lengths.get("tokenizer.ggml.tokens", 0)
    return [f"architecture: {header.architecture}", f"vocabulary: {n_tokens} tokens"]


def size_text(size_bytes: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"


def print_verified(name: str | None, catalogs: tuple[Path, ...], *, as_json: bool) -> bool:
    """Whether nothing is missing or changed. Raises `BadCatalog`."""
    from localcollab.models.installed import verify

    found = []
    for one in verify(name, catalogs):
        found.append({"name": one.name, "path": str(one.path), "state": one.state})
        if not as_json:
            print(visible(f"{one.name}: {one.state}: {one.path}"), flush=True)
    if as_json:
        print(json.dumps(found, indent=1))
    return all(one["state"] not in ("missing", "changed") for one in found)


def stated_licence(entry: ModelEntry) -> str | None:
    """As the catalogue says, else the file. Raises `BadModelFile` of a header that is damaged."""
    if entry.licence is not None or not os.path.isfile(entry.path):
        return entry.licence
    from localcollab.llama.header import read_header

    value = read_header(entry.path).metadata.get("general.license")
    return str(value) if value else None
