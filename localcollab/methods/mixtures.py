"""Mixture files: weights of a mixture's members, fitted on validation data. JSON, bound to the models."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from localcollab.errors import MixtureMismatch

FORMAT = "localcollab-mixture-1"


@dataclass(frozen=True, slots=True)
class FittedMixture:
    """Weights, what they were fitted on, and their metrics."""

    member_sha256s: tuple[str, ...]
    weights: tuple[float, ...]
    """One per member, in order; they sum to 1."""
    vocabulary: str
    """The fingerprint of the team's vocabulary."""
    data_sha256: str
    seed: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    """NLL per validation token, in nats: each member's by its number from 1, `equal`, `fitted`."""
    versions: Mapping[str, str] = field(default_factory=dict)

    def require(self, sha256s: Sequence[str], vocabulary: str) -> None:
        """`sha256s`: of the members in use. Raises `MixtureMismatch`."""
        remedy = "fit them with localcollab convert mixture"
        if vocabulary != self.vocabulary:
            raise MixtureMismatch(
                f"the weights were fitted for another vocabulary ({self.vocabulary[:12]}, the team has "
                f"{vocabulary[:12]}): {remedy}"
            )
        if len(sha256s) != len(self.member_sha256s):
            raise MixtureMismatch(
                f"the weights are of {len(self.member_sha256s)} members, the team has {len(sha256s)}: "
                f"{remedy}"
            )
        for i, (mine, theirs) in enumerate(zip(sha256s, self.member_sha256s, strict=True), 1):
            if mine != theirs:
                raise MixtureMismatch(
                    f"the weights were fitted with another file as member {i} (sha256 {theirs[:12]}, "
                    f"given {mine[:12]}): use that file, or {remedy}"
                )


def save_mixture(mixture: FittedMixture, path: Path) -> None:
    """Write to a temporary name, then rename."""
    partial = path.with_name(path.name + ".partial")
    record = {"format": FORMAT, **asdict(mixture)}
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def load_mixture(path: Path) -> FittedMixture:
    """Raises `MixtureMismatch`: missing, damaged, or invalid weights."""
    if not os.path.isfile(path):  # opening a FIFO would wait for a writer
        raise MixtureMismatch(f"{path}: no such mixture file: check the path")
    try:
        values = json.loads(path.read_bytes())
        if values["format"] != FORMAT:
            raise ValueError(f"its format is {values['format']!r}, not {FORMAT!r}")
        known = {f.name: values[f.name] for f in fields(FittedMixture) if f.name in values}
        weights = tuple(float(weight) for weight in known["weights"])
        sha256s = tuple(str(sha256) for sha256 in known["member_sha256s"])
        mixture = FittedMixture(**known | {"weights": weights, "member_sha256s": sha256s})
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise MixtureMismatch(
            f"{path}: not a mixture file ({type(error).__name__}: {error}): fit them with "
            "localcollab convert mixture"
        ) from error
    _check(mixture, path)
    return mixture


def _check(mixture: FittedMixture, path: Path) -> None:
    weights = mixture.weights
    is_sound = all(0 <= weight <= 1 for weight in weights) and math.isclose(
        math.fsum(weights), 1, abs_tol=1e-6
    )
    if not is_sound or len(weights) != len(mixture.member_sha256s):
        raise MixtureMismatch(
            f"{path}: the weights {list(weights)} for {len(mixture.member_sha256s)} members are "
            "invalid: fit them with localcollab convert mixture"
        )
    if not isinstance(mixture.vocabulary, str) or not isinstance(mixture.data_sha256, str):
        raise MixtureMismatch(f"{path}: its provenance is damaged: fit the weights again")
