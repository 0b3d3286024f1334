"""Verification of finished files against the unquantized file, and of their tokenizers.

One stage for each file: an unchanged file is not compared again.
"""

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcollab.errors import LocalcollabError
from localcollab.llama.tokenizer import load_vocabulary
from localcollab.progress import OnProgress
from localcollab_convert.model.conversion import Conversion
from localcollab_convert.model.request import QuantizedFile
from localcollab_convert.staging.stages import OnNote, Stage, file_sha256, write_json
from localcollab_convert.verify.parity import compare_with_tokenizer, load_tokenizer
from localcollab_convert.verify.report import report
from localcollab_convert.verify.request import VerifyRequest
from localcollab_convert.verify.verify import verify

_RECORD = "verification.json"
_KEYS_VERSION = 2


class TokenizersDiffer(LocalcollabError):
    """A converted file tokenizes text differently from its original."""


def verify_file(
    conversion: Conversion, file: QuantizedFile, text: Path, on_progress: OnProgress,
    on_note: OnNote,
) -> dict[str, Any]:  # fmt: skip
    """The stored record: `Verification` as JSON, `lines`, `same_tokenizer` and `date`."""
    request = VerifyRequest(path=file.path, against=conversion.original_path, text=text)
    key = {
        "file": file.sha256, "made from": conversion.digest, "text": file_sha256(text),
        "tokens": request.n_tokens, "keys": _KEYS_VERSION,
    }  # fmt: skip
    stage = Stage("verify", conversion.request.work / file.type / "verify", key)
    if stage.outputs() is None:
        stage.begin()
        conversion.original()
        record = _compare(conversion, request, on_progress, on_note)
        write_json(stage.folder / _RECORD, _without_nan(record))
        stage.finish({}, _RECORD)
    stored: dict[str, Any] = json.loads((stage.folder / _RECORD).read_text(encoding="utf-8"))
    return stored


def _compare(
    conversion: Conversion, request: VerifyRequest, on_progress: OnProgress, on_note: OnNote
) -> dict[str, Any]:
    is_folder = conversion.source.is_folder
    same = not is_folder or compare_tokenizers(conversion, request.path, on_progress, on_note)
    found = verify(request, on_progress)
    return asdict(found) | {
        "path": str(found.path),
        "against": str(found.against),
        "lines": list(report(found)),
        "same_tokenizer": same and found.tokenizer.is_equal,
        "date": datetime.now(UTC).date().isoformat(),
    }


def compare_tokenizers(
    conversion: Conversion, path: Path, on_progress: OnProgress, on_note: OnNote
) -> bool:
    """Whether `path` tokenizes as the source folder. A difference is a note, or, with
    `trust_tokenizer`, raises `TokenizersDiffer`."""
    trusted, source = conversion.request.trust_tokenizer, conversion.source.path
    on_progress(f"comparing the tokenizers of {path.name} and {source.name}")
    parity = compare_with_tokenizer(path, load_vocabulary(path), load_tokenizer(source))
    if parity.is_equal:
        return True
    first = parity.differences[0]
    differs = (
        f"differs from the original's in {len(parity.differences)} of "
        f"{parity.n_texts + parity.n_special} texts ({first.what}: {first.ours[:60]}, original "
        f"{first.theirs[:60]})"
    )
    if trusted:
        raise TokenizersDiffer(
            f"{source}: with the pre-tokenizer {trusted} its tokenizer {differs}: give another "
            "`trust_tokenizer`"
        )
    on_note(f"{path.name}: its tokenizer {differs}")
    return False


def _without_nan(value: Any) -> Any:
    """JSON has neither NaN nor infinity: None."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
