"""Downloads files from a hub: resumed, verified by hash, then renamed.

Besides `hub` and `packages` the only code that may open a connection.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlparse

from localcollab.catalog import ModelEntry
from localcollab.errors import BadModelFile, DownloadFailed
from localcollab.llama.header import read_beginning, read_header
from localcollab.models.hub import Cut, explained
from localcollab.models.listing import size_text, stated_licence
from localcollab.models.store import write_model
from localcollab.progress import OnProgress
from localcollab.storage.counted_file import CountedFile, counted_sha256, digest_of
from localcollab.storage.parts import part_names, part_of

OnNote = Callable[[str], None]
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 256 * 1024
"""The most that an interrupted connection loses."""
_TRIES_WITHOUT_PROGRESS = 5
_BEGINNING_BYTES = 64 * 1024
"""Writers put what the cache depends on before the vocabulary."""
_MOST_KV_BYTES = 2**26


@dataclass(frozen=True, slots=True)
class Remote:
    """One file as the hub offers it, and where it will be."""

    path: Path
    location: str
    etag: str
    size_bytes: int
    same_host: bool

    @property
    def partial(self) -> Path:
        # Another version of the file must not be resumed with this one's bytes.
        etag = re.sub(r"[^0-9a-zA-Z]", "", self.etag)[:16]
        return self.path.with_name(f"{self.path.name}.{etag}.partial")

    @property
    def sha256(self) -> str | None:
        """None: the hub does not say."""
        return self.etag if _SHA256.fullmatch(self.etag) else None

    @property
    def bytes_to_fetch(self) -> int:
        is_part = part_of(self.path.name) is not None
        if is_part and self.path.is_file() and self.path.stat().st_size == self.size_bytes:
            return 0  # the parts before were fetched
        held = self.partial.stat().st_size if self.partial.is_file() else 0
        return max(0, self.size_bytes - held)


@dataclass(frozen=True, slots=True)
class Offer:
    """A model as the hub offers it: one file, or all its parts."""

    entry: ModelEntry
    files: tuple[Remote, ...]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def sha256(self) -> str | None:
        """What the catalogue says, else what the hub says; None: neither does, as for parts together."""
        return self.entry.sha256 or (self.files[0].sha256 if len(self.files) == 1 else None)

    @property
    def bytes_to_fetch(self) -> int:
        return sum(file.bytes_to_fetch for file in self.files)


def ask(entry: ModelEntry) -> Offer:
    """What the hub has under this name. Raises `DownloadFailed`."""
    assert entry.file
    folder, _, name = entry.file.rpartition("/")
    names = (f"{folder}/{part}" if folder else part for part in part_names(name))
    offer = Offer(entry, tuple(_ask(entry, file) for file in names))
    if entry.size_bytes is not None and offer.size_bytes != entry.size_bytes:
        raise DownloadFailed(
            f"{entry.name}: {entry.repository}/{entry.file} has {offer.size_bytes} bytes, the catalogue "
            f"says {entry.size_bytes}: the file was replaced; correct size_bytes and sha256 of the entry"
        )
    return offer


def _ask(entry: ModelEntry, file: str) -> Remote:
    from huggingface_hub.file_download import get_hf_file_metadata, hf_hub_url

    assert entry.repository
    url = hf_hub_url(entry.repository, file, revision=entry.revision)
    with explained(f"{entry.name}: {entry.repository}/{file}", url):
        found = get_hf_file_metadata(url, library_name="localcollab")
    if found.size is None or found.etag is None:
        raise DownloadFailed(f"{url}: the server names no size or version: is it a hub?")
    same_host = urlparse(found.location).netloc == urlparse(url).netloc
    path = entry.path.with_name(file.rpartition("/")[2])
    return Remote(path, found.location, found.etag, found.size, same_host)


def _named(entry: ModelEntry) -> str:
    return f"{entry.name}: {entry.repository}/{entry.file}"


def kv_bytes_per_token(offer: Offer) -> int | None:
    """Of an F16 cache, from the first bytes of the file; None: they do not say.

    Raises `DownloadFailed`."""
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    first, data = offer.files[0], b""
    headers = _headers(first) | {"Range": f"bytes=0-{_BEGINNING_BYTES - 1}"}
    with (
        explained(_named(offer.entry), first.location),
        get_session().stream("GET", first.location, headers=headers) as answer,
    ):
        answer.raise_for_status()
        # A server may send the whole file instead.
        for chunk in answer.iter_bytes():
            data += chunk
            if len(data) >= _BEGINNING_BYTES:
                break
    try:
        found = read_beginning(first.path, data[:_BEGINNING_BYTES]).kv_bytes_per_token(2)
    except BadModelFile:  # opening it will say so
        return None
    return found if 0 < found <= _MOST_KV_BYTES else None


def require_disk(offers: Sequence[Offer]) -> None:
    """Raises `DownloadFailed` if the disk has too little space for the rest."""
    needed = sum(offer.bytes_to_fetch for offer in offers)
    for offer in offers[:1]:
        offer.entry.path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(offer.entry.path.parent).free
        if needed > free:
            raise DownloadFailed(
                f"{offer.entry.path.parent}: {size_text(needed)} are needed, {size_text(free)} are "
                "free: free some space"
            )


def fetch(offer: Offer, on_note: OnNote, on_progress: OnProgress) -> ModelEntry:
    """The entry with its hash and size, its files in place. Another version of a file stays until this
    one is verified. `on_note` stays, `on_progress` does not. Raises `DownloadFailed`."""
    entry, is_whole = offer.entry, len(offer.files) == 1
    found = ""
    for file in offer.files:
        expected = offer.sha256 if is_whole else file.sha256
        found = fetch_file(file, entry, expected, on_note, on_progress)
    if not is_whole:
        found = counted_sha256(entry.path, on_progress)
        if entry.sha256 not in (None, found):
            raise DownloadFailed(
                f"{entry.name}: its {len(offer.files)} parts have sha256 {found[:12]} together, expected "
                f"{(entry.sha256 or '')[:12]}: correct the entry, or do not trust the mirror"
            )
    done = replace(_described(entry), sha256=found, size_bytes=offer.size_bytes)
    write_model(done, None)
    return done


def fetch_file(
    file: Remote, entry: ModelEntry, expected: str | None, on_note: OnNote, on_progress: OnProgress
) -> str:
    """The sha256 of the file, which is in its place. Raises `DownloadFailed`."""
    file.path.parent.mkdir(parents=True, exist_ok=True)
    sha256 = _sha256(file.path, on_progress) if file.path.is_file() else None
    if sha256 is None or expected not in (None, sha256):
        _download(file, entry, on_note, on_progress)
        sha256 = _sha256(file.partial, on_progress)
        _require_sound(file, entry, sha256, expected)
        os.replace(file.partial, file.path)
    return sha256


def _sha256(path: Path, on_progress: OnProgress) -> str:
    """Of one file, which may be a part."""
    with path.open("rb") as file:
        return digest_of(file, path.name, on_progress)


def _require_sound(file: Remote, entry: ModelEntry, sha256: str, expected: str | None) -> None:
    """Raises `DownloadFailed`, and removes the file."""
    if expected in (None, sha256):
        return
    file.partial.unlink()
    raise DownloadFailed(
        f"{entry.name}: {file.partial.name} has sha256 {sha256[:12]}, expected "
        f"{(expected or '')[:12]}: it was removed; pull again, and do not trust the mirror if it "
        "happens twice"
    )


def _described(entry: ModelEntry) -> ModelEntry:
    """With what the file itself says where the catalogue says nothing."""
    try:
        header = read_header(entry.path)
    except BadModelFile:  # opening it says so
        return entry
    return replace(
        entry,
        about=entry.about or str(header.metadata.get("general.name", ""))[:100],
        n_ctx=entry.n_ctx or header.number("context_length"),
        licence=entry.licence or stated_licence(entry),
    )


def _headers(file: Remote) -> dict[str, str]:
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    headers: dict[str, str] = build_hf_headers(library_name="localcollab")
    if not file.same_host:  # a token is for the hub, not for where it sends us
        headers.pop("authorization", None)
    return headers


def _download(remote: Remote, entry: ModelEntry, on_note: OnNote, on_progress: OnProgress) -> None:
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.file_download import http_get

    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
    tries, held = 0, -1
    while True:
        with remote.partial.open("ab") as file:
            before = file.tell()
            counted = CountedFile(
                file, f"downloading {remote.path.name}", remote.size_bytes, on_progress
            )
            tries = 0 if before > held else tries + 1
            held = before
            try:
                with explained(_named(entry), remote.location, cut_is_final=False):
                    http_get(
                        remote.location, cast("BinaryIO", counted), resume_size=before,
                        headers=_headers(remote), expected_size=remote.size_bytes,
                        displayed_filename=remote.path.name,
                    )  # fmt: skip
            except (httpx2.TransportError, Cut) as error:
                if tries >= _TRIES_WITHOUT_PROGRESS:
                    raise DownloadFailed(
                        f"{entry.name}: the connection keeps breaking off ({error}): pull again; "
                        f"{size_text(before)} are kept"
                    ) from error
                on_note(f"{entry.name}: the connection broke off at {size_text(file.tell())}")
                time.sleep(0.2 * tries)
            else:
                return
