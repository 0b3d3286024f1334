"""`convert model`: convert, quantize, verify, and enter each file in the catalogue."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from localcollab.catalog import VerifiedEntry
from localcollab.models.installed import enter_made
from localcollab.progress import OnProgress
from localcollab_convert.model.conversion import Conversion
from localcollab_convert.model.request import ModelRequest, ModelResult
from localcollab_convert.model.verification import compare_tokenizers, verify_file
from localcollab_convert.staging.outputs import hold
from localcollab_convert.staging.stages import OnNote
from localcollab_convert.verify.readers import read_text
from localcollab_convert.verify.request import DEFAULT_TEXT


def make_model(
    request: ModelRequest, on_progress: OnProgress, on_note: OnNote
) -> list[ModelResult]:
    """One result for each type. `on_progress` is transient, `on_note` stays.

    Raises `BadModelFile`, `BadOption`, `BadData`, `TokenizersDiffer`.
    """
    conversion = Conversion(request, on_progress, on_note)
    text = request.text or DEFAULT_TEXT
    if request.verify:
        read_text(text)
    with hold(request.work, "wait for it to end, or give another `name` or `out`"):
        conversion.check_space()
        if request.trust_tokenizer and not all(map(conversion.is_done, request.types)):
            # Before anything is quantized: a file under its final name is correct.
            compare_tokenizers(conversion, conversion.original(), on_progress, on_note)
        files = [conversion.quantized(file_type) for file_type in request.types]
        results = [
            ModelResult(
                file,
                verify_file(conversion, file, text, on_progress, on_note)
                if request.verify
                else None,
            )
            for file in files
        ]
        conversion.delete_original()
        for result in results:
            _enter(conversion, result, on_note)
    return results


def _enter(conversion: Conversion, result: ModelResult, on_note: OnNote) -> None:
    verified = _entry(conversion, result.verification) if result.verification else None
    if refusal := enter_made(result.file.path, result.file.path.stem, verified):
        on_note(refusal)


def _entry(conversion: Conversion, found: Mapping[str, Any]) -> VerifiedEntry:
    """The part of a verification that the catalogue stores."""
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
