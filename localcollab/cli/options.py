"""Options that several commands share, in one wording. What only one command takes stands in it."""

from pathlib import Path
from typing import Annotated

import typer

from localcollab.errors import BadOption

Team = Annotated[str | None, typer.Option(help="A team of the catalogue.")]
Base = Annotated[str | None, typer.Option(help="The base model: a GGUF file, or a model's name.")]
Experts = Annotated[
    list[str] | None,
    typer.Option("--expert", help="An expert: a GGUF file, or a model's name; may be repeated."),
]
Head = Annotated[
    str | None,
    typer.Option(help="Deferral head trained for these models: a .safetensors file, or a name."),
]
Draft = Annotated[
    str | None,
    typer.Option(
        help="Draft model for speculative decoding, a GGUF file or a name: same text, faster."
    ),
]
Speculation = Annotated[
    bool | None,
    typer.Option(
        "--speculation/--no-speculation",
        help="Propose tokens and read several at once where that is faster here: same text. "
        "Default: yes.",
    ),
]
Adapter = Annotated[Path | None, typer.Option(help="LoRA adapter of the base (GGUF).")]
Models = Annotated[
    list[Path] | None,
    typer.Option("--models", help="Another models.toml to read; may be repeated."),
]
ExpertBudget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        help="What a token may cost: 20% written by experts, or 30ms; picks the calibrated threshold.",
    ),
]
TeamAnyway = Annotated[
    bool,
    typer.Option(
        "--team-anyway", help="Ask the team even where tune found that a member alone is better."
    ),
]
OwnPrompt = Annotated[
    bool,
    typer.Option(
        "--own-prompt",
        help="Give the experts the conversation in their own chat templates, not in the base's.",
    ),
]
Workers = Annotated[
    list[str] | None,
    typer.Option(
        "--worker",
        help="HOST:PORT of a localcollab worker that evaluates an expert, or a model alone; one for "
        "each expert.",
    ),
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


def one_name(model: str | None, team: str | None) -> str | None:
    """What a command takes as its first word and as --team. Raises `BadOption`."""
    if model and team:
        raise BadOption(f"both {model!r} and `team` ({team}) are given: choose one")
    return model or team


def in_bytes(gibibytes: float | None) -> int | None:
    return None if gibibytes is None else int(gibibytes * 2**30)
