"""Downloads files from a hub: resumed, verified by hash, then renamed.

Besides `hub` and `converter` the only code that may open a connection.
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
from localcollab.llama.header import read_header
from localcollab.models.hub import Cut, explained
from localcollab.models.listing import size_text, stated_licence
from localcollab.models.store import write_model
from localcollab.progress import OnProgress
from localcollab.storage.counted_file import CountedFile, counted_sha256

OnNote = Callable[[str], None]
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 256 * 1024
"""The most that an interrupted connection loses."""
_TRIES_WITHOUT_PROGRESS = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """A file as the hub offers it."""

    entry: ModelEntry
    location: str
    etag: str
    size_bytes: int
    same_host: bool

    @property
    def partial(self) -> Path:
        # Another version of the file must not be resumed with this one's bytes.
        path = self.entry.path
        return path.with_name(f"{path.name}.{re.sub(r'[^0-9a-zA-Z]', '', self.etag)[:16]}.partial")

    @property
    def sha256(self) -> str | None:
        """What the catalogue says, else what the hub says; None: neither does."""
        return self.entry.sha256 or (self.etag if _SHA256.fullmatch(self.etag) else None)

    @property
    def bytes_to_fetch(self) -> int:
        held = self.partial.stat().st_size if self.partial.is_file() else 0
        return max(0, self.size_bytes - held)


def ask(entry: ModelEntry) -> Offer:
    """What the hub has under this name. Raises `DownloadFailed`."""
    from huggingface_hub.file_download import get_hf_file_metadata, hf_hub_url

    assert entry.repository
    assert entry.file
    url = hf_hub_url(entry.repository, entry.file, revision=entry.revision)
    with explained(_named(entry), url):
        found = get_hf_file_metadata(url, library_name="localcollab")
    if found.size is None or found.etag is None:
        raise DownloadFailed(f"{url}: the server names no size or version: is it a hub?")
    if entry.size_bytes is not None and found.size != entry.size_bytes:
        raise DownloadFailed(
            f"{url}: has {found.size} bytes, the catalogue says {entry.size_bytes}: the file was "
            "replaced; correct size_bytes and sha256 of the entry"
        )
    same_host = urlparse(found.location).netloc == urlparse(url).netloc
    return Offer(entry, found.location, found.etag, found.size, same_host)


def _named(entry: ModelEntry) -> str:
    return f"{entry.name}: {entry.repository}/{entry.file}"


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
    """The entry with its hash and size, its file in place. Another version of the file stays until this
    one is verified. `on_note` stays, `on_progress` does not. Raises `DownloadFailed`."""
    path = offer.entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    sha256 = counted_sha256(path, on_progress) if path.is_file() else None
    if sha256 is None or offer.sha256 not in (None, sha256):
        _download(offer, on_note, on_progress)
        sha256 = counted_sha256(offer.partial, on_progress)
        _require_sound(offer, sha256)
        os.replace(offer.partial, path)
    done = replace(_described(offer.entry), sha256=sha256, size_bytes=path.stat().st_size)
    write_model(done, None)
    return done


def _require_sound(offer: Offer, sha256: str) -> None:
    """Raises `DownloadFailed`, and removes the file."""
    if offer.sha256 in (None, sha256):
        return
    offer.partial.unlink()
    raise DownloadFailed(
        f"{offer.entry.name}: {offer.partial.name} has sha256 {sha256[:12]}, expected "
        f"{(offer.sha256 or '')[:12]}: it was removed; pull again, and do not trust the mirror if it "
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


def _download(offer: Offer, on_note: OnNote, on_progress: OnProgress) -> None:
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK_BYTES
    headers = build_hf_headers(library_name="localcollab")
    if not offer.same_host:  # a token is for the hub, not for where it sends us
        headers.pop("authorization", None)
    tries, held = 0, -1
    while True:
        with offer.partial.open("ab") as file:
            before = file.tell()
            counted = CountedFile(
                file, f"downloading {offer.entry.name}", offer.size_bytes, on_progress
            )
            tries = 0 if before > held else tries + 1
            held = before
            try:
                with explained(_named(offer.entry), offer.location, cut_is_final=False):
                    http_get(
                        offer.location, cast("BinaryIO", counted), resume_size=before,
                        headers=headers,
                        expected_size=offer.size_bytes, displayed_filename=offer.entry.path.name,
                    )  # fmt: skip
            except (httpx2.TransportError, Cut) as error:
                if tries >= _TRIES_WITHOUT_PROGRESS:
                    raise DownloadFailed(
                        f"{offer.entry.name}: the connection keeps breaking off ({error}): pull again; "
                        f"{size_text(before)} are kept"
                    ) from error
                on_note(f"{offer.entry.name}: the connection broke off at {size_text(file.tell())}")
                time.sleep(0.2 * tries)
            else:
                return
