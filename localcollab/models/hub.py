"""Asks a hub what a repository holds, and explains its errors.

Mirrors, tokens and proxies come through huggingface_hub's usual environment variables (HF_ENDPOINT,
HF_TOKEN, ...). What a hub says is not trusted: a file's name or size that is odd is left out.
"""

import os
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

from localcollab.errors import BadOption, DownloadFailed

_SECONDS_TO_ANSWER = 30
_SAFE_FILE = re.compile(r"(?!.*(^|/)\.{1,2}(/|$))[^/\\\x00-\x1f\x7f][^\\\x00-\x1f\x7f]{0,250}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A GGUF file of a repository."""

    name: str
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    name: str
    """As "owner/name"."""
    files: tuple[HubFile, ...]
    """Its GGUF files, by name."""
    licence: str | None = None
    parameters: int | None = None
    n_ctx: int | None = None


def require_hub() -> None:
    """Raises `BadOption` if the optional package is missing."""
    try:
        import huggingface_hub.file_download  # noqa: F401
    except ModuleNotFoundError as error:
        raise BadOption(
            f"localcollab models pull needs {error.name}: pip install 'localcollab[pull]'"
        ) from error


def is_forbidden() -> bool:
    """Whether HF_HUB_OFFLINE forbids connections."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def repository(name: str) -> Repository:
    """What the hub has under this name. Raises `DownloadFailed`."""
    from huggingface_hub import constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    url = f"{constants.ENDPOINT}/api/models/{name}"
    with explained(name, url):
        answer = get_session().get(
            url, headers=build_hf_headers(library_name="localcollab"), params={"blobs": True},
            timeout=_SECONDS_TO_ANSWER,
        )  # fmt: skip
        hf_raise_for_status(answer)
    try:
        return read_answer(name, answer.json())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DownloadFailed(
            f"{url}: the answer cannot be read ({type(error).__name__}: {error}): is it a hub?"
        ) from error


def read_answer(name: str, values: Any) -> Repository:
    """Raises `KeyError`, `TypeError`, `AttributeError` of an answer with another shape."""
    files = []
    for one in values["siblings"]:
        lfs = one.get("lfs") or {}
        file = str(one["rfilename"])
        if file.lower().endswith(".gguf") and _SAFE_FILE.fullmatch(file):
            sha256 = str(lfs.get("sha256", ""))
            files.append(
                HubFile(
                    file,
                    _count(lfs.get("size", one.get("size"))),
                    sha256 if _SHA256.fullmatch(sha256) else None,
                )
            )
    gguf = values.get("gguf") or {}
    return Repository(
        name,
        tuple(sorted(files, key=lambda file: file.name)),
        _licence(values),
        _count(gguf.get("total")),
        _count(gguf.get("context_length")),
    )


def _licence(values: Any) -> str | None:
    """What its card says, else its tags."""
    stated = (values.get("cardData") or {}).get("license")
    if isinstance(stated, str) and stated:
        return stated[:100]
    tags = [tag for tag in values.get("tags") or () if isinstance(tag, str)]
    found = (tag.removeprefix("license:") for tag in tags if tag.startswith("license:"))
    return next(found, "")[:100] or None


def _count(value: object) -> int | None:
    """A number that a catalogue may hold."""
    return value if type(value) is int and 0 < value < 2**53 else None


class Cut(Exception):
    """Fewer bytes than announced: to be resumed."""


class explained:  # noqa: N801  # reads as a clause of `with`
    """Turns errors of the hub's client into one line with a remedy."""

    def __init__(self, what: str, url: str, *, cut_is_final: bool = True) -> None:
        self._what, self._url, self._cut_is_final = what, url, cut_is_final

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, error: BaseException | None, _trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        import httpx2
        from huggingface_hub import errors

        what = self._what
        host = urlparse(self._url).netloc
        remedies: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
            (errors.OfflineModeIsEnabled, "HF_HUB_OFFLINE forbids it: unset that for this command"),
            (errors.GatedRepoError, "its owner asks for consent: give it on the repository's page, "
                                    "then set HF_TOKEN"),
            (errors.RepositoryNotFoundError, f"{host} has no such repository, or it is private: "
                                             "check the name, or set HF_TOKEN"),
            (errors.EntryNotFoundError, f"{host} has no such file there: check the file's name"),
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
            raise Cut("fewer bytes came than were promised") from error
        elif isinstance(error, OSError):
            raise DownloadFailed(f"{what}: cannot be written ({error}): free some space") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def hide_progress_bars() -> None:
    """The program shows its own."""
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    disable_progress_bars()
