"""Options that several `convert` commands take, in one wording. Others are defined in the command."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Option(
        help="Training data: JSONL of messages, prompt/completion or text; or a .txt file."
    ),
]
Valid = Annotated[
    Path | None, typer.Option(help="Validation data. Default: a tenth of the training data.")
]
Work = Annotated[
    Path | None, typer.Option(help="Folder for the state of a resumable run. Default: OUT.work.")
]
Converter = Annotated[
    Path | None,
    typer.Option(help="llama.cpp source folder of the installed version. Default: the cached one."),
]
TrustTokenizer = Annotated[
    str | None,
    typer.Option(
        help="Pre-tokenizer of a custom tokenizer that llama.cpp does not recognize, e.g. gpt-2."
    ),
]
RayCluster = Annotated[
    str | None,
    typer.Option(
        "--ray",
        help="Export on a Ray cluster: auto (the running one), here (a new one) or HOST:PORT.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Write the result even if no better than one member.")
]
