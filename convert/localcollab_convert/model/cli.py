"""`localcollab convert model`: options -> `ModelRequest`; prints each file and its verification."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from localcollab.cli.options import Json
from localcollab_convert.options import Converter, TrustTokenizer
from localcollab_convert.output import mebibytes, print_result, resumable_progress

if TYPE_CHECKING:
    from localcollab_convert.model.request import ModelResult


def model(
    source: Annotated[
        Path, typer.Argument(help="A Hugging Face folder, or an F16, BF16 or F32 GGUF file.")
    ],
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="Q4_K_M, Q8_0, F16, ...; may be repeated. Default: Q4_K_M."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Default: the name of the source.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of NAME-TYPE.gguf.")] = Path(),
    imatrix: Annotated[
        Path | None, typer.Option(help="Importance matrix, see localcollab convert imatrix.")
    ] = None,
    trust_tokenizer: TrustTokenizer = None,
    converter: Converter = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare the result with the source.")
    ] = True,
    text: Annotated[
        Path | None, typer.Option(help="UTF-8 text to verify on. Default: built in.")
    ] = None,
    n_threads: Annotated[
        int, typer.Option("--threads", help="Number of threads; 0 = all cores.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Convert and quantize a model.

    Can be interrupted: the same command resumes.
    """
    from localcollab_convert.model.make import make_model
    from localcollab_convert.model.request import ModelRequest, parse_types

    request = ModelRequest(
        source=source, types=parse_types(types or ["Q4_K_M"]), name=name or source.resolve().stem,
        out=out, imatrix=imatrix, trust_tokenizer=trust_tokenizer, converter=converter,
        verify=verify, text=text, n_threads=n_threads,
    )  # fmt: skip
    with resumable_progress() as status:
        results = make_model(request, status.show, status.note)
    print_result([_record(result) for result in results], _lines(results), as_json=as_json)


def _record(result: "ModelResult") -> dict[str, Any]:
    found = result.verification and {k: v for k, v in result.verification.items() if k != "lines"}
    return asdict(result.file) | {"verification": found}


def _lines(results: "Sequence[ModelResult]") -> Iterator[str]:
    for result in results:
        file = result.file
        yield f"{file.path} ({file.type}, {mebibytes(file.size_bytes)}, sha256 {file.sha256[:12]})"
        yield from (result.verification or {}).get("lines", ())
