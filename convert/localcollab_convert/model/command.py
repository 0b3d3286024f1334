"""`localcollab convert model`: the stages in order, a line for every file, the record as JSON."""

import json
import math
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from localcollab.catalog import VerifiedEntry
from localcollab.errors import LocalcollabError
from localcollab.models.installed import enter_made
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible
from localcollab_convert.model.pipeline import Conversion, Made, Request
from localcollab_convert.staging.lock import hold
from localcollab_convert.staging.stages import Stage, file_sha256, write_json
from localcollab_convert.verify.command import lines, record
from localcollab_convert.verify.verify import Asked, read_text, verify


class TokenizersDiffer(LocalcollabError):
    """What was converted does not cut text as its original does."""


def run(request: Request, asked: Asked | None, *, as_json: bool) -> None:
    """`asked`: how to verify; None: not. Raises what the stages raise, and `TokenizersDiffer`."""
    status = Status(sys.stderr)
    conversion = Conversion(request, status.show, status.note)
    if asked:
        read_text(asked.text)
    try:
        with hold(conversion.work, "wait for it to end, or give another --name or --out"):
            files, records = _make(conversion, asked, status)
    finally:
        status.clear()
    if as_json:
        print(json.dumps([_record(made, records.get(made.path)) for made in files], indent=1))
        return
    for made in files:
        size = f"{made.size_bytes / 2**20:.1f} MiB"
        print(visible(f"{made.path} ({made.type}, {size}, sha256 {made.sha256[:12]})"))
        for line in (records.get(made.path) or {}).get("lines", ()):
            print(visible(line))


def _make(
    conversion: Conversion, asked: Asked | None, status: Status
) -> tuple[list[Made], dict[Path, dict[str, Any]]]:
    """The files, and what was found of each."""
    types = conversion.request.types
    conversion.check_room()
    if conversion.request.trust_tokenizer and not all(map(conversion.is_done, types)):
        # Before anything is quantized: a file under its final name is right.
        _compare_tokenizers(conversion, conversion.original(), status)
    files = [conversion.quantized(file_type) for file_type in types]
    records = _verify(conversion, files, asked, status) if asked else {}
    conversion.drop_original()
    for made in files:
        verified = _entry(conversion, records.get(made.path))
        if refusal := enter_made(made.path, made.path.stem, verified):
            status.note(refusal)
    return files, records


def _entry(conversion: Conversion, found: dict[str, Any] | None) -> VerifiedEntry | None:
    """What the catalogue keeps of a verification."""
    if found is None:
        return None
    total = found["total"] or {}
    before, after = total.get("perplexity_original"), total.get("perplexity")
    return VerifiedEntry(
        against=conversion.source_sha256,
        date=found["date"],
        version=version("localcollab"),
        same_tokenizer=found["same_tokenizer"],
        kl=total.get("kl"),
        same_top1=total.get("agreement"),
        perplexity_change=after / before - 1 if before and after else None,
        n_tokens=total.get("n_tokens"),
    )


def _record(made: Made, verification: dict[str, Any] | None) -> dict[str, Any]:
    found = verification and {k: v for k, v in verification.items() if k != "lines"}
    return asdict(made) | {"path": str(made.path), "verification": found}


def _verify(
    conversion: Conversion, files: list[Made], asked: Asked, status: Status
) -> dict[Path, dict[str, Any]]:
    """Each file against the unquantized one; the first one's tokenizer also against the folder's."""
    records: dict[Path, dict[str, Any]] = {}
    for made in files:
        key = {"file": made.sha256, "made from": conversion.digest, "text": file_sha256(asked.text),
               "tokens": asked.n_tokens, "keys": 2}  # fmt: skip
        stage = Stage("verify", conversion.work / made.type / "verify", key)
        done = stage.outputs()
        if done is None:
            stage.begin()
            path = stage.folder / "verification.json"
            write_json(path, _finite(_verify_one(conversion, made, asked, status)))
            stage.finish({}, path.name)
        text = (stage.folder / "verification.json").read_text(encoding="utf-8")
        records[made.path] = json.loads(text)
    return records


def _verify_one(conversion: Conversion, made: Made, asked: Asked, status: Status) -> dict[str, Any]:
    is_folder = conversion.source.is_folder
    same = not is_folder or _compare_tokenizers(conversion, made.path, status)
    found = verify(made.path, conversion.original(), asked, status.show)
    return record(found) | {
        "lines": list(lines(found)),
        "same_tokenizer": same and found.tokenizer.is_equal,
        "date": datetime.now(UTC).date().isoformat(),
    }


def _compare_tokenizers(conversion: Conversion, path: Path, status: Status) -> bool:
    """Whether it is the folder's. One that the user vouched for must be; others are a note."""
    from localcollab.llama.tokenizer import load_vocabulary
    from localcollab_convert.verify.parity import compare_with_tokenizer, load_tokenizer

    trusted, source = conversion.request.trust_tokenizer, conversion.source.path
    status.show(f"comparing the tokenizers of {path.name} and {source.name}")
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
            f"{source}: split as {trusted}, its tokenizer {differs}: name another one with "
            "--trust-tokenizer"
        )
    status.note(f"{path.name}: its tokenizer {differs}")
    return False


def _finite(value: Any) -> Any:
    """JSON has neither NaN nor infinity: None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
