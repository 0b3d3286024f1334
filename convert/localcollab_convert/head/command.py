"""`localcollab convert head`: progress on stderr, what was made on stdout."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from localcollab.errors import BadOption
from localcollab.teams.choice import TeamChoice
from localcollab.terminal.status import Status
from localcollab_convert.head.calibrate import METRIC_NAMES, parse_metric
from localcollab_convert.head.make import HeadMaker
from localcollab_convert.head.request import Made, Request, StageName, Training
from localcollab_convert.staging.outputs import claim


def request(
    choice: TeamChoice,
    *,
    data: Path,
    valid: Path | None,
    out: Path,
    work: Path | None,
    seed: int,
    width: int,
    price: float,
    metric: str | None,
    calibrate_on: int,
    force: bool,
    n_ctx: int | None,
    n_threads: int | None,
) -> Request:
    """Raises `BadOption`, `BadCatalog`."""
    if out.suffix != ".safetensors":
        raise BadOption(f"--out is {out}: give a name that ends in .safetensors")
    if not 0 <= width <= 65536:
        raise BadOption(f"--hidden is {width}: give 0 for a linear head, or a width up to 65536")
    if not 0 <= price <= 10:
        raise BadOption(f"--price is {price}: give nats a token, from 0 to 10")
    if calibrate_on < 1:
        raise BadOption(f"--calibrate-on is {calibrate_on}: give 1 or more")
    return Request(
        plan=choice.plan(), data=data, valid=valid, out=out,
        work=work or out.with_name(out.name + ".work"), seed=seed, width=width, price=price,
        metric=parse_metric(metric) if metric else None, calibrate_on=calibrate_on,
        force=force, n_ctx=n_ctx, n_threads=n_threads,
    )  # fmt: skip


def run(asked: Request, stage: str | None, *, as_json: bool) -> None:
    """Raises what the stages raise."""
    if stage not in (None, *get_args(StageName)):
        raise BadOption(f"--stage is {stage!r}: choose one of {', '.join(get_args(StageName))}")
    status = Status(sys.stderr)
    maker = HeadMaker(asked, status.show, status.note)
    try:
        with claim(asked.out, asked.work):
            made = _run(maker, stage)
    finally:
        status.clear()
    if as_json:
        print(json.dumps(_record(made, maker.member_names), indent=1))
        return
    for line in _lines(made, maker.member_names):
        print(line)


def _run(maker: HeadMaker, stage: str | None) -> dict[str, Any] | Training | Made:
    """Only `stage`, or all of them."""
    if stage in (None, "export"):
        exported = maker.export()
        if stage:
            return {"n_tokens": exported["n_tokens"], "n_shards": len(exported["files"])}
    if stage in (None, "train"):
        training = maker.train()
        if stage:
            return training
    return maker.calibrate()


def _record(made: dict[str, Any] | Training | Made, names: list[str]) -> dict[str, Any]:
    if isinstance(made, dict):
        return made
    record: dict[str, Any] = asdict(made)
    if isinstance(made, Made):
        record["path"] = str(made.path)
        record["members"] = names
    return record


def _lines(made: dict[str, Any] | Training | Made, names: list[str]) -> Iterator[str]:
    match made:
        case Training():
            yield from _nll_lines(made, names)
        case Made():
            yield from _nll_lines(made.training, names)
            yield from _curve_lines(made)
            yield f"{made.path} (sha256 {made.sha256[:12]}), {made.path.stem}.curve.png"
        case _:
            yield f"{made['n_tokens']} answer tokens in {made['n_shards']} shards"


def _nll_lines(training: Training, names: list[str]) -> Iterator[str]:
    labels = {"base": "base", "mixture": "equal mixture", "oracle": "oracle (best member a token)"}
    labels |= {f"expert {k}": f"expert {name}" for k, name in enumerate(names[1:], 1)}
    yield f"{'nats a token':30}  {training.n_valid} validation tokens"
    for key, value in training.nll.items():
        yield f"  {labels.get(key, key):28}  {value:.4f}"


def _curve_lines(made: Made) -> Iterator[str]:
    yield ""
    yield f"{'threshold':>11}  {METRIC_NAMES[made.metric]:>12}  deferral rate  tokens a second"
    for point in made.points:
        mark = "*" if point == made.chosen else " "
        speed = f"{point.tokens_per_second:.0f}" if point.tokens_per_second else "-"
        yield (
            f"{mark} {point.threshold:9.5g}  {point.metric:12.3f}  {point.deferral_rate:13.3f}"
            f"  {speed:>15}"
        )
    yield ""
