"""`localcollab convert verify`: options -> `VerifyRequest`; prints the comparison. Exits 1 where the
tokenizers differ."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Json
from localcollab_convert.output import print_result, progress


def verify(
    file: Annotated[Path, typer.Argument(help="A GGUF file.")],
    against: Annotated[
        Path, typer.Option(help="The original: an unquantized GGUF file, or the source folder.")
    ],
    text: Annotated[
        Path | None, typer.Option(help="UTF-8 text to compare on. Default: built in.")
    ] = None,
    head: Annotated[
        Path | None, typer.Option(help="Head of this base; its decisions are compared.")
    ] = None,
    n_tokens: Annotated[
        int, typer.Option("--tokens", help="Maximum number of tokens of the text.")
    ] = 2048,
    write_head: Annotated[
        Path | None,
        typer.Option(help="Head file to write for this file, with an adjusted threshold."),
    ] = None,
    experts: Annotated[
        list[Path] | None,
        typer.Option(
            "--expert", help="With --write-head: new file of an expert. Default: unchanged."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare a GGUF file with its original: tokenizer, predictions, decisions of a head."""
    from localcollab_convert.verify.rebind import write_bound
    from localcollab_convert.verify.report import report
    from localcollab_convert.verify.request import DEFAULT_TEXT, VerifyRequest
    from localcollab_convert.verify.verify import verify as compare

    request = VerifyRequest(
        path=file, against=against, text=text or DEFAULT_TEXT, head=head, n_tokens=n_tokens,
        write_head=write_head, experts=tuple(experts or ()),
    )  # fmt: skip
    with progress() as status:
        result = compare(request, status.show)
    print_result(asdict(result), report(result), as_json=as_json)
    if head and write_head:
        write_bound(result, head, request.experts, write_head)
        status.note(f"wrote {write_head}: for {file.name}")
    if not result.tokenizer.is_equal:
        raise typer.Exit(1)
