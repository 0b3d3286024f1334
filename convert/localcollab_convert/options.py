"""Options that several `convert` commands take, in one wording."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path, typer.Option(help="JSONL of messages, prompt/completion or text; or a .txt file.")
]
Valid = Annotated[Path | None, typer.Option(help="Validation data; default: a tenth of the data.")]
Work = Annotated[Path | None, typer.Option(help="Where resumable work is kept; default: OUT.work.")]
Converter = Annotated[
    Path | None, typer.Option(help="A llama.cpp checkout of the installed version.")
]
TrustTokenizer = Annotated[
    str | None,
    typer.Option(help="For a tokenizer trained here: whose splitting it has, as gpt-2."),
]
