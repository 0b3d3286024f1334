"""`localcollab convert lora`: options -> `LoraRequest`; prints the catalogue entry."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localcollab.cli.options import Json, Models
from localcollab_convert.options import Converter
from localcollab_convert.output import mebibytes, print_result, progress

if TYPE_CHECKING:
    from localcollab_convert.lora.request import LoraResult


def lora(
    peft: Annotated[Path, typer.Argument(help="Folder of the adapter, as saved by PEFT.")],
    base: Annotated[
        str, typer.Option(help="GGUF file, folder with config.json, or model of the catalogue.")
    ],
    out: Annotated[Path, typer.Option(help="Adapter file to write: NAME.gguf.")],
    converter: Converter = None,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Convert a LoRA adapter, so that base and expert share one copy of the weights."""
    from localcollab.catalog import load_catalog
    from localcollab_convert.lora.make import make_lora
    from localcollab_convert.lora.request import LoraRequest

    path, name = Path(base), "BASE"
    if not path.exists():
        path, name = load_catalog(*(models or ())).model(base).path, base
    request = LoraRequest(peft=peft, base=path, out=out, converter=converter)
    with progress() as status:
        result = make_lora(request, status.show)
    print_result(asdict(result), _lines(result, name), as_json=as_json)


def _lines(result: "LoraResult", base: str) -> Iterator[str]:
    path, size = result.path, mebibytes(result.size_bytes)
    yield f"{path} (rank {result.rank}, {size}, sha256 {result.sha256[:12]})"
    yield "in models.toml:"
    yield f"  [models.{path.stem}]"
    yield f'  adapter = "{path}"'
    yield f'  weights_of = "{base}"'
