"""`localcollab convert imatrix`: options -> `ImatrixRequest`; prints how the file is used."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Json
from localcollab_convert.output import print_result, progress


def imatrix(
    file: Annotated[Path, typer.Argument(help="An unquantized GGUF file.")],
    text: Annotated[
        Path, typer.Option(help="UTF-8 text similar to what the model will be used on.")
    ],
    out: Annotated[Path, typer.Option(help="Importance matrix to write: NAME.gguf.")],
    n_tokens: Annotated[
        int, typer.Option("--tokens", help="Maximum number of tokens of the text.")
    ] = 2**17,
    as_json: Json = False,
) -> None:
    """Collect an importance matrix, which improves low-bit quantizations."""
    from localcollab_convert.imatrix.make import make_imatrix
    from localcollab_convert.imatrix.request import ImatrixRequest

    request = ImatrixRequest(path=file, text=text, out=out, n_tokens=n_tokens)
    with progress() as status:
        result = make_imatrix(request, status.show)
    lines = (
        f"{result.path}: {result.n_weights} weights, {result.n_tokens} tokens of {text.name}",
        f"next: localcollab convert model SOURCE --imatrix {result.path} --type Q2_K",
    )
    print_result(asdict(result), lines, as_json=as_json)
