"""Downloads files from a hub: resumed, verified by hash, then renamed.

Besides `converter` the only code that may open a connection. Mirrors, tokens and proxies come through
huggingface_hub's usual environment variables (HF_ENDPOINT, HF_TOKEN, ...).
"""

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlparse

from localcollab.catalog import ModelEntry
from localcollab.errors import BadOption, DownloadFailed
from localcollab.llama.probe import file_sha256
from localcollab.models.listing import size_text
from localcollab.models.store import write_model

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


def require_hub() -> None:
    """Raises `BadOption` if the optional package is missing."""
    try:
        import huggingface_hub.file_download  # noqa: F401
    except ModuleNotFoundError as error:
        raise BadOption(
            f"localcollab models pull needs {error.name}: pip install 'localcollab[pull]'"
        ) from error


def ask(entry: ModelEntry) -> Offer:
    """What the hub has under this name. Raises `DownloadFailed`."""
    from huggingface_hub.file_download import get_hf_file_metadata, hf_hub_url

    assert entry.repository
    assert entry.file
    url = hf_hub_url(entry.repository, entry.file, revision=entry.revision)
    with _explained(entry, url):
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


def fetch(offer: Offer, on_note: OnNote) -> ModelEntry:
    """The entry with its hash and size, its file in place. Raises `DownloadFailed`."""
    entry = offer.entry
    entry.path.parent.mkdir(parents=True, exist_ok=True)
    if not entry.path.is_file():
        _download(offer, on_note)
    on_note(f"hashing {entry.path.name}")
    file = entry.path if entry.path.is_file() else offer.partial
    sha256 = file_sha256(file)
    if offer.sha256 is not None and sha256 != offer.sha256:
        file.unlink()
        raise DownloadFailed(
            f"{entry.name}: {file.name} has sha256 {sha256[:12]}, expected {offer.sha256[:12]}: it was "
            "removed; pull again, and do not trust the mirror if it happens twice"
        )
    if file != entry.path:
        os.replace(file, entry.path)
    done = replace(entry, sha256=sha256, size_bytes=entry.path.stat().st_size)
    write_model(done, None)
    return done


def _download(offer: Offer, on_note: OnNote) -> None:
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
            tries = 0 if before > held else tries + 1
            held = before
            try:
                with _explained(offer.entry, offer.location, cut_is_final=False):
                    http_get(
                        offer.location, file, resume_size=before, headers=headers,
                        expected_size=offer.size_bytes, displayed_filename=offer.entry.path.name,
                    )  # fmt: skip
            except (httpx2.TransportError, _Cut) as error:
                if tries >= _TRIES_WITHOUT_PROGRESS:
                    raise DownloadFailed(
                        f"{offer.entry.name}: the connection keeps breaking off ({error}): pull again; "
                        f"{size_text(before)} are kept"
                    ) from error
                on_note(f"{offer.entry.name}: the connection broke off at {size_text(file.tell())}")
                time.sleep(0.2 * tries)
            else:
                return


class _Cut(Exception):
    """Fewer bytes than announced: to be resumed."""


class _explained:  # noqa: N801  # reads as a clause of `with`
    """Turns errors of the hub's client into one line with a remedy."""

    def __init__(self, entry: ModelEntry, url: str, *, cut_is_final: bool = True) -> None:
        self._entry, self._url, self._cut_is_final = entry, url, cut_is_final

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, _trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        import httpx2
        from huggingface_hub import errors

        what = f"{self._entry.name}: {self._entry.repository}/{self._entry.file}"
        host = urlparse(self._url).netloc
        remedies: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
            (errors.OfflineModeIsEnabled, "HF_HUB_OFFLINE forbids it: unset that for this command"),
            (errors.GatedRepoError, "its owner asks for consent: give it on the repository's page, "
                                    "then set HF_TOKEN"),
            (errors.RepositoryNotFoundError, f"{host} has no such repository, or it is private: "
                                             "check the entry, or set HF_TOKEN"),
            (errors.EntryNotFoundError, f"{host} has no such file there: correct file in the entry"),
            (errors.RevisionNotFoundError, f"{host} has no such revision: correct revision in the entry"),
            (errors.HfHubHTTPError, f"{host} answers with an error ({_first_line(error)}): try later"),
        )  # fmt: skip
        for kinds, remedy in remedies:
            if isinstance(error, kinds):
                raise DownloadFailed(f"{what}: {remedy}") from error
        if isinstance(error, httpx2.TransportError):
            if self._cut_is_final:
                raise DownloadFailed(
                    f"{what}: {host} cannot be reached ({_first_line(error)}): check the network, or set "
                    "HF_ENDPOINT to a mirror; everything but pull works without"
                ) from error
        elif isinstance(error, OSError) and "Consistency check" in str(error):
            raise _Cut("fewer bytes came than were promised") from error
        elif isinstance(error, OSError):
            raise DownloadFailed(f"{what}: cannot be written ({error}): free some space") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def quiet_unless_terminal() -> None:
    """No progress bars in pipes and logs."""
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    if not sys.stderr.isatty():
        disable_progress_bars()
