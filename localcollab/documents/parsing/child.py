"""The child process that reads files; `reader` is its only user. May die; that is its use.

Speaks JSON lines: `{"ready": true}`, then one answer a request. Who starts it limits its memory; it
can write no file, and it reads each file once: hash and text are of the same bytes.
"""

import hashlib
import json
import logging
import os
import signal
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from localcollab.children.bootstrap import allow_cpu, limit
from localcollab.documents.parsing.formats import find_format, parser_of
from localcollab.documents.parsing.limits import Limits
from localcollab.documents.parsing.raw import Raw
from localcollab.documents.parsing.section import Missing, Refused, Section, Unreadable


def serve(limits: Limits) -> None:
    """Answer requests until standard input ends."""
    # Ctrl-C in a terminal reaches the whole process group; stopping is the parent's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable()  # a parser's warning would carry text of the document
    _restrict()
    print('{"ready": true}', flush=True)
    for line in sys.stdin:
        allow_cpu(2 * int(limits.seconds) + 1)
        print(json.dumps(_answer(json.loads(line), limits)), flush=True)


def _restrict() -> None:
    if hasattr(os, "nice"):
        os.nice(10)
    limit("RLIMIT_FSIZE", 0)


def _answer(request: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """`status` and `error` as of a document; `same`: the bytes are those of `known`."""
    answer: dict[str, Any] = {"status": "indexed", "error": "", "format": "", "sha256": ""}
    try:
        raw = _read(Path(request["path"]), limits)
        raw = replace(raw, reads_pictures=request["reads_pictures"])
        answer["sha256"] = hashlib.sha256(raw.data).hexdigest()
        answer["size_bytes"] = len(raw.data)
        if answer["sha256"] == request["known"]:
            return answer | {"same": True}
        answer["format"] = find_format(raw)
        sections = _sections(raw, answer["format"])
        answer["sections"] = [(s.text, s.page, s.heading) for s in sections]
        answer["error"] = raw.summary()
        answer["pictures"] = [(page, _clean(heading)) for page, heading in raw.pictures]
        if not sections:
            answer |= {"status": "empty", "error": answer["error"] or "holds no text"}
    except Refused as error:
        answer |= {"status": "refused", "error": str(error)}
    except OSError as error:
        answer |= {"status": "failed", "error": f"cannot be read: {error.strerror or error}"}
        answer["may_pass"] = True
    except Unreadable as error:
        answer |= {"status": "failed", "error": str(error)}
    except Missing as error:  # it may be installed meanwhile
        answer |= {"status": "failed", "error": str(error), "may_pass": True}
    except MemoryError:
        megabytes = limits.memory_bytes // 1_000_000
        answer |= {"status": "failed", "error": f"takes more than {megabytes} MB of memory to read"}
        answer["broken"] = True
    except RecursionError:
        answer |= {"status": "failed", "error": "is nested too deeply to be read"}
    except Exception as error:
        # The message of an exception may quote the document.
        answer |= {"status": "failed", "error": f"damaged: its parser failed ({_kind(error)})"}
    return answer


def _kind(error: Exception) -> str:
    return type(error).__name__


def _read(path: Path, limits: Limits) -> Raw:
    """Raises `Refused` for what is no regular file, or became too large meanwhile; `OSError`."""
    # Without O_NONBLOCK, opening a FIFO waits for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Refused("is no regular file")
        data = file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        raise Refused(f"is larger than {limits.file_bytes} bytes")
    return Raw(data, path.suffix.lower(), limits)


def _sections(raw: Raw, format_: str) -> list[Section]:
    """Those with text in them, and all of it valid Unicode without zero characters."""
    found, n_chars = [], 0
    for section in parser_of(format_)(raw):
        n_chars += len(section.text)
        if n_chars > raw.limits.text_chars:
            raise Refused(f"holds more than {raw.limits.text_chars} characters of text")
        if section.text.strip():
            found.append(Section(_clean(section.text), section.page, _clean(section.heading)))
    return found


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


if __name__ == "__main__":
    serve(Limits(**json.loads(sys.argv[1])))
