"""`localcollab convert ranker`: progress on stderr, what was made on stdout."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from transformers.utils.logging import disable_progress_bar

from localcollab.errors import BadOption
from localcollab.terminal.status import Status
from localcollab_convert.ranker.encoder import Size
from localcollab_convert.ranker.make import RankerMaker
from localcollab_convert.ranker.model import Loss
from localcollab_convert.ranker.request import Request
from localcollab_convert.ranker.train import Recipe


def request(
    *,
    data: Path,
    out: Path,
    encoder: Path | None,
    from_scratch: bool,
    size: Size,
    valid: Path | None,
    recipe: Recipe,
    n_source: int,
    n_candidate: int,
    trust_tokenizer: str | None,
    converter: Path | None,
) -> Request:
    """Raises `BadOption`."""
    if (encoder is None) is not from_scratch:
        raise BadOption("the ranker needs an encoder: give one of --encoder DIR and --from-scratch")
    if not out.name:
        raise BadOption(f"--out is {out}: give the folder a name")
    if encoder is None and trust_tokenizer:
        raise BadOption("--trust-tokenizer is for --encoder: leave it out")
    for name, value, most in (
        ("--source-tokens", n_source, 2**15), ("--candidate-tokens", n_candidate, 2**15),
        ("--epochs", recipe.n_epochs, 1000), ("--batch", recipe.batch, 4096),
    ):  # fmt: skip
        if not 1 <= value <= most:
            raise BadOption(f"{name} is {value}: give 1 to {most}")
    if recipe.loss not in get_args(Loss):
        raise BadOption(f"--loss is {recipe.loss!r}: choose one of {', '.join(get_args(Loss))}")
    if not 0 < recipe.learning_rate <= 1:
        raise BadOption(f"--learning-rate is {recipe.learning_rate}: give a number from 0 to 1")
    if not 0 <= recipe.seed < 2**32:
        raise BadOption(f"--seed is {recipe.seed}: give a number from 0 to {2**32 - 1}")
    return Request(
        data=data, out=out, encoder=encoder, size=size, valid=valid, recipe=recipe,
        n_source=n_source, n_candidate=n_candidate, trust_tokenizer=trust_tokenizer,
        converter=converter,
    )  # fmt: skip


def run(asked: Request, *, as_json: bool) -> None:
    """Raises what the stages raise."""
    disable_progress_bar()  # of transformers, which writes whole lines
    status = Status(sys.stderr)
    try:
        made = RankerMaker(asked, status.show, status.note).make()
    finally:
        status.clear()
    if as_json:
        print(json.dumps(asdict(made) | {"path": str(made.path)}, indent=1))
        return
    print(f"{made.accuracy:.3f} of {made.n_pairs} validation pairs that differ, in both orders")
    print(f"{made.parity:.2g} from the trained module, at F16")
    print(f"{made.path} ({made.n_parameters / 1e6:.1f} M parameters)")
