"""`localcollab convert ...`: thin; torch is imported when a command runs."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from localcollab.cli.options import Base, Experts, Json, Models, NCtx, Team, Threads
from localcollab.errors import LocalcollabError
from localcollab_convert.calm.cli import calm
from localcollab_convert.expert.cli import expert
from localcollab_convert.mixture.cli import mixture
from localcollab_convert.options import Converter, Data, TrustTokenizer, Valid, Work
from localcollab_convert.staging.interrupted import resumable as _resumable


class _Group(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """What an extra brings is imported when a command runs, or later: its lack is one line."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package.startswith("localcollab"):
                raise
            raise LocalcollabError(
                f"localcollab convert needs {package}: pip install 'localcollab[convert]'"
            ) from error


app = typer.Typer(
    cls=_Group, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    add_completion=False,  # the whole command line's: localcollab --install-completion
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.callback()
def _root() -> None:
    """Prepare models and train heads."""


app.command()(calm)
app.command()(expert)
app.command()(mixture)


@app.command()
def head(
    data: Data,
    out: Annotated[Path, typer.Option(help="The head file to write: HEAD.safetensors.")],
    valid: Valid = None,
    team: Team = None,
    base: Base = None,
    expert: Experts = None,
    models: Models = None,
    stage: Annotated[
        str | None, typer.Option(help="Only export, train or calibrate; default: all three.")
    ] = None,
    work: Work = None,
    hidden: Annotated[int, typer.Option(help="Width of a hidden layer; 0: a linear head.")] = 0,
    price: Annotated[
        float,
        typer.Option(help="Nats a token that asking an expert must gain; 0: exact likelihood."),
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of training, the split and the sample.")] = 0,
    metric: Annotated[
        str | None,
        typer.Option(help="exact, f1 or logprob; default: exact, for plain text logprob."),
    ] = None,
    calibrate_on: Annotated[
        int, typer.Option(help="At most so many validation answers a threshold.")
    ] = 100,
    force: Annotated[
        bool, typer.Option("--force", help="Write a head that beats no member, too.")
    ] = False,
    n_ctx: NCtx = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Train a head: who of the team should write the next token?

    Can be stopped at any time: the same command goes on where it was.
    """
    from localcollab.teams.choice import TeamChoice
    from localcollab_convert.head import command

    choice = TeamChoice(
        team=team, base=base, experts=tuple(expert or ()), catalogs=tuple(models or ())
    )
    request = command.request(
        choice, data=data, valid=valid, out=out, work=work, seed=seed, width=hidden, price=price,
        metric=metric, calibrate_on=calibrate_on, force=force, n_ctx=n_ctx, n_threads=threads,
    )  # fmt: skip
    with _resumable():
        command.run(request, stage, as_json=as_json)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A GGUF file.")],
    as_json: Json = False,
) -> None:
    """Show what a GGUF file holds, and its size under every quantization."""
    from localcollab_convert.model import inspect_command

    inspect_command.run(file, as_json=as_json)


@app.command()
def model(
    source: Annotated[
        Path, typer.Argument(help="A Hugging Face folder, or an F16, BF16 or F32 GGUF file.")
    ],
    type: Annotated[
        list[str] | None, typer.Option(help="Q4_K_M, Q8_0, F16, ...; may be repeated.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Default: the source's.")] = None,
    out: Annotated[Path, typer.Option(help="The folder for NAME-TYPE.gguf.")] = Path(),
    imatrix: Annotated[
        Path | None, typer.Option(help="An importance matrix: convert imatrix makes one.")
    ] = None,
    trust_tokenizer: TrustTokenizer = None,
    converter: Converter = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare the result with the source.")
    ] = True,
    text: Annotated[Path | None, typer.Option(help="To verify on; default: shipped.")] = None,
    threads: Annotated[int, typer.Option(help="Default: all.")] = 0,
    as_json: Json = False,
) -> None:
    """Convert and quantize a model.

    Can be stopped at any time: the same command goes on where it was.
    """
    from localcollab_convert.model import command
    from localcollab_convert.model.pipeline import Request, parse_types
    from localcollab_convert.verify.verify import DEFAULT_TEXT, Asked

    request = Request(
        source=source, types=parse_types(type or ["Q4_K_M"]), name=name or source.resolve().stem,
        out=out, imatrix=imatrix, trust_tokenizer=trust_tokenizer, converter=converter,
        n_threads=threads,
    )  # fmt: skip
    asked = Asked(text or DEFAULT_TEXT) if verify else None
    with _resumable():
        command.run(request, asked, as_json=as_json)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A GGUF file.")],
    against: Annotated[
        Path, typer.Option(help="What it was made from: an unquantized GGUF, or the folder.")
    ],
    text: Annotated[Path | None, typer.Option(help="UTF-8 text; default: shipped.")] = None,
    head: Annotated[
        Path | None, typer.Option(help="A head of this base: do its decisions hold?")
    ] = None,
    tokens: Annotated[int, typer.Option(help="At most so many of the text.")] = 2048,
    write_head: Annotated[
        Path | None,
        typer.Option(help="A head to write for this file, with the threshold adjusted."),
    ] = None,
    expert: Annotated[
        list[Path] | None,
        typer.Option(help="For --write-head: an expert's new file; default: they stay."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare a GGUF file with its original: tokenizer, predictions, a head's decisions."""
    from localcollab_convert.verify import command
    from localcollab_convert.verify.verify import DEFAULT_TEXT, Asked

    asked = Asked(text or DEFAULT_TEXT, head, tokens, min(tokens, 512))
    code = command.run(
        file, against, asked, new_head=write_head, experts=tuple(expert or ()), as_json=as_json
    )
    if code:
        raise typer.Exit(code)


@app.command()
def lora(
    peft: Annotated[Path, typer.Argument(help="The folder PEFT saved the adapter in.")],
    base: Annotated[
        str, typer.Option(help="A GGUF file, a folder with config.json, or a model's name.")
    ],
    out: Annotated[Path, typer.Option(help="The adapter file to write: NAME.gguf.")],
    converter: Converter = None,
    models: Models = None,
    as_json: Json = False,
) -> None:
    """Convert a LoRA adapter, so that base and expert share one copy of the weights."""
    from localcollab_convert.model import lora_command

    lora_command.run(
        peft, base, out, converter=converter, catalogs=tuple(models or ()), as_json=as_json
    )


@app.command("imatrix")
def collect_imatrix(
    file: Annotated[Path, typer.Argument(help="An unquantized GGUF file.")],
    text: Annotated[Path, typer.Option(help="UTF-8 text like what the model will read.")],
    out: Annotated[Path, typer.Option(help="The importance matrix to write: NAME.gguf.")],
    tokens: Annotated[int, typer.Option(help="At most so many of the text.")] = 2**17,
    as_json: Json = False,
) -> None:
    """Collect an importance matrix, which makes low-bit quantizations better."""
    from localcollab_convert.model import imatrix_command

    imatrix_command.run(file, text, out, n_tokens=tokens, as_json=as_json)


@app.command()
def ranker(
    data: Annotated[
        Path, typer.Option(help="MixInstruct-form JSONL with scored candidates; .gz too.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write the ranker to.")],
    encoder: Annotated[
        Path | None, typer.Option(help="A Hugging Face folder of an encoder to start from.")
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from a small encoder of random weights.")
    ] = False,
    valid: Valid = None,
    loss: Annotated[
        str, typer.Option(help="logistic, of the difference; or bce, of each score.")
    ] = "logistic",
    epochs: Annotated[int, typer.Option(help="Five random pairs an example each.")] = 4,
    batch: Annotated[int, typer.Option(help="Pairs a step.")] = 32,
    learning_rate: Annotated[
        float | None, typer.Option(help="Default: 2e-3 from scratch, 1e-5 with --encoder.")
    ] = None,
    source_tokens: Annotated[int, typer.Option(help="Read of a request.")] = 128,
    candidate_tokens: Annotated[int, typer.Option(help="Read of a candidate.")] = 128,
    width: Annotated[int, typer.Option(help="Of an encoder from scratch.")] = 128,
    layers: Annotated[int, typer.Option(help="Of an encoder from scratch.")] = 3,
    vocab: Annotated[int, typer.Option(help="Tokens of an encoder from scratch.")] = 8192,
    seed: Annotated[int, typer.Option(help="Of training, the split and new weights.")] = 0,
    trust_tokenizer: TrustTokenizer = None,
    converter: Converter = None,
    as_json: Json = False,
) -> None:
    """Train a pair ranker: which of two answers is better?

    Can be stopped at any time: the same command goes on where it was.
    """
    from localcollab_convert.ranker import command
    from localcollab_convert.ranker.encoder import Size
    from localcollab_convert.ranker.train import Recipe, rate_for

    rate = rate_for(encoder) if learning_rate is None else learning_rate
    asked = command.request(
        data=data, out=out, encoder=encoder, from_scratch=from_scratch, valid=valid,
        size=Size(width, layers, vocab),
        recipe=Recipe(seed, epochs, batch, rate, loss=loss),  # type: ignore[arg-type]
        n_source=source_tokens, n_candidate=candidate_tokens, trust_tokenizer=trust_tokenizer,
        converter=converter,
    )  # fmt: skip
    with _resumable():
        command.run(asked, as_json=as_json)
