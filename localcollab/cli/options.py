"""Options that several commands take, in one wording. What only one takes stands in the command."""

from pathlib import Path
from typing import Annotated

import typer

Team = Annotated[str | None, typer.Option(help="A team of the catalogue.")]
Base = Annotated[Path | None, typer.Option(help="A GGUF file as base.")]
Experts = Annotated[
    list[Path] | None, typer.Option("--expert", help="A GGUF file as expert; may be repeated.")
]
Models = Annotated[list[Path] | None, typer.Option("--models", help="One more models.toml.")]
NCtx = Annotated[int | None, typer.Option(help="Tokens of context.")]
Threads = Annotated[int | None, typer.Option("--threads", help="Default: the physical cores.")]
KvType = Annotated[str, typer.Option(help="Type of the KV cache: f16, q8_0, ...")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
JsonEvents = Annotated[bool, typer.Option("--json", help="One event a line.")]
