"""`localcollab convert ranker`: options -> `RankerRequest`; prints what was trained."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from localcollab.cli.options import Json
from localcollab.errors import BadOption
from localcollab_convert.options import Converter, TrustTokenizer, Valid
from localcollab_convert.output import print_result, resumable_progress


def ranker(
    data: Annotated[
        Path, typer.Option(help="JSONL in MixInstruct's format with scored candidates, or .gz.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the ranker to.")],
    encoder: Annotated[
        Path | None, typer.Option(help="Pretrained encoder: a Hugging Face folder.")
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Train a new small encoder.")
    ] = False,
    valid: Valid = None,
    loss: Annotated[
        str, typer.Option(help="logistic (on score differences) or bce (on each score).")
    ] = "logistic",
    n_epochs: Annotated[
        int, typer.Option("--epochs", help="Number of epochs, of five random pairs an example.")
    ] = 4,
    batch: Annotated[int, typer.Option(help="Number of pairs a step.")] = 32,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Peak learning rate. Default: 2e-3 from scratch, 1e-5 with --encoder."),
    ] = None,
    n_source: Annotated[
        int, typer.Option("--source-tokens", help="Maximum number of tokens of a request.")
    ] = 128,
    n_candidate: Annotated[
        int, typer.Option("--candidate-tokens", help="Maximum number of tokens of a candidate.")
    ] = 128,
    width: Annotated[int, typer.Option(help="Hidden size of a new encoder.")] = 128,
    n_layers: Annotated[
        int, typer.Option("--layers", help="Number of layers of a new encoder.")
    ] = 3,
    n_vocab: Annotated[
        int, typer.Option("--vocab", help="Vocabulary size of a new encoder.")
    ] = 8192,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    trust_tokenizer: TrustTokenizer = None,
    converter: Converter = None,
    as_json: Json = False,
) -> None:
    """Train a pair ranker, which tells the better of two answers.

    Can be interrupted: the same command resumes.
    """
    from transformers.utils.logging import disable_progress_bar

    from localcollab_convert.ranker.make import make_ranker
    from localcollab_convert.ranker.request import (
        EncoderSize,
        RankerRequest,
        Recipe,
        default_learning_rate,
    )

    disable_progress_bar()
    if (encoder is None) is not from_scratch:
        raise BadOption("the ranker needs an encoder: give either `encoder` or `from_scratch`")
    rate = default_learning_rate(encoder) if learning_rate is None else learning_rate
    request = RankerRequest(
        data=data, out=out, encoder=encoder, size=EncoderSize(width, n_layers, n_vocab),
        valid=valid,
        recipe=Recipe(seed, n_epochs, batch, rate, loss=loss),  # type: ignore[arg-type]
        n_source=n_source, n_candidate=n_candidate, trust_tokenizer=trust_tokenizer,
        converter=converter,
    )  # fmt: skip
    with resumable_progress() as status:
        result = make_ranker(request, status.show, status.note)
    lines = (
        f"accuracy {result.accuracy:.3f} on {result.n_pairs} validation pairs, in both orders",
        f"largest difference of a logit to the trained module: {result.parity:.2g} (F16)",
        f"{result.path} ({result.n_parameters / 1e6:.1f}M parameters)",
    )
    print_result(asdict(result), lines, as_json=as_json)
