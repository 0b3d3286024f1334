"""Options that several commands share, in one wording. What only one command takes stands in it."""

from pathlib import Path
from typing import Annotated

import typer

Team = Annotated[str | None, typer.Option(help="A team of the catalogue.")]
Base = Annotated[Path | None, typer.Option(help="GGUF file of the base model.")]
Experts = Annotated[
    list[Path] | None, typer.Option("--expert", help="GGUF file of an expert; may be repeated.")
]
Models = Annotated[
    list[Path] | None,
    typer.Option("--models", help="Another models.toml to read; may be repeated."),
]
NCtx = Annotated[int | None, typer.Option(help="Context size in tokens.")]
Threads = Annotated[
    int | None, typer.Option("--threads", help="CPU threads. Default: the physical cores.")
]
KvType = Annotated[str, typer.Option(help="Type of the KV cache: f16, q8_0, ...")]
Memory = Annotated[
    float | None,
    typer.Option(
        "--memory", help="Memory budget in GiB: models that do not fit together take turns."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


def in_bytes(gibibytes: float | None) -> int | None:
    return None if gibibytes is None else int(gibibytes * 2**30)
