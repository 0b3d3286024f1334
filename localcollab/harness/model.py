"""A team as a model of the harness: log-likelihoods, rolling log-likelihoods, generation.

Texts are tokenized and split as by the harness's own `hf` model, so that both score the same tokens; what
does not fit the context loses its beginning, as there, with a warning.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from localcollab.chat.template import Message
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.encoding import encode_continuation, encode_start
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption, ContextFull
from localcollab.evaluation.likelihood import likelihood_of
from localcollab.events import Finished
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam

note = logging.getLogger("localcollab.note")

_MAX_TOKENS = 256
"""The harness's default, where a task says nothing."""
_SAMPLING = {
    "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p",
    "repetition_penalty": "repeat_penalty", "seed": "seed",
}  # fmt: skip
"""Generation options of tasks -> ours."""


@register_model("localcollab")
class LocalcollabModel(TemplateLM):  # type: ignore[misc]  # the harness has no types here
    """`--model_args team=X`, or `base=A,experts=B;C,head=H`; `n_ctx`, `threads`, `gate`, `threshold`,
    `compose=True`, `models=A.toml;B.toml`."""

    def __init__(
        self,
        team: str | None = None,
        base: str | None = None,
        experts: str | None = None,
        head: str | None = None,
        gate: str | None = None,
        threshold: float | None = None,
        compose: bool = False,
        models: str | None = None,
        n_ctx: int | None = None,
        threads: int | None = None,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        device: str | None = None,
    ) -> None:
        """The last three are the harness's own and change nothing here. Raises what opening raises."""
        super().__init__()
        named, catalogs = (
            tuple(filter(None, str(given or "").split(";"))) for given in (experts, models)
        )
        choice = TeamChoice(
            team=team, base=base, experts=named, head=head, gate=gate, threshold=threshold,
            compose=compose, catalogs=tuple(map(Path, catalogs)),
        )  # fmt: skip
        self._take(open_team(choice.plan(), Options(n_ctx=n_ctx, n_threads=threads)))

    @classmethod
    def of(cls, team: OpenTeam) -> "LocalcollabModel":
        """An open team."""
        found: LocalcollabModel = cls.__new__(cls)
        TemplateLM.__init__(found)
        found._take(team)
        return found

    def _take(self, team: OpenTeam) -> None:
        self.team = team
        self._vocabulary = team.model.vocabulary

    @property
    def max_length(self) -> int:
        return self.team.model.n_ctx

    @property
    def eot_token_id(self) -> int:
        return _first(self._vocabulary.eos, *sorted(self._vocabulary.end), 0)

    @property
    def prefix_token_id(self) -> int:
        """What stands before a text without a context."""
        return _first(self._vocabulary.bos, self.eot_token_id)

    @property
    def tokenizer_name(self) -> str:
        return f"{self.team.name}-{self._vocabulary.fingerprint[:16]}"

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Its source, for the harness's record."""
        template = self.team.template
        return template.source if chat_template and template else None

    def apply_chat_template(
        self, chat_history: Sequence[Mapping[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Raises `BadOption` without a template, and what rendering raises."""
        if self.team.template is None:
            raise BadOption(f"{self.team.name}: the base has no chat template: leave it out")
        messages = [Message(turn["role"], turn["content"]) for turn in chat_history]  # type: ignore[arg-type]
        return self.team.template.render(messages, add_generation_prompt=add_generation_prompt)

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **_of_others: Any
    ) -> list[int]:
        if add_special_tokens is False:
            return encode_continuation(self._vocabulary, string)
        return encode_start(self._vocabulary, string)

    def _loglikelihood_tokens(
        self,
        requests: Sequence[tuple[tuple[str, str], list[int], list[int]]],
        **_of_others: Any,
    ) -> list[tuple[float, bool]]:
        answers = []
        for texts, context, continuation in requests:
            found = self._likelihood(context, continuation)
            self.cache_hook.add_partial("loglikelihood", texts, found)
            answers.append(found)
        return answers

    def _likelihood(
        self, context: Sequence[int], continuation: Sequence[int]
    ) -> tuple[float, bool]:
        n_ctx = self.max_length
        if len(continuation) > n_ctx:
            raise ContextFull(
                f"a text of {len(continuation)} tokens is to be scored in a context of {n_ctx}: give a "
                "larger `n_ctx`"
            )
        kept = self._cut(context, n_ctx + 1 - len(continuation))
        found = likelihood_of(self.team.model, kept, continuation)
        return found.total, found.is_greedy

    def _cut(self, context: Sequence[int], n_tokens: int) -> list[int]:
        """The end of a context, and a warning where its beginning is left out."""
        if len(context) > n_tokens:
            note.warning(
                "%s: a text of %d tokens loses its first %d in the context of %d",
                self.team.name, len(context), len(context) - n_tokens, self.max_length,
            )  # fmt: skip
        return list(context[len(context) - n_tokens :] if len(context) > n_tokens else context)

    def loglikelihood_rolling(
        self, requests: Sequence[Any], disable_tqdm: bool = False
    ) -> list[float]:
        """Of whole texts, in windows of the context."""
        totals = []
        for request in requests:
            (text,) = request.args
            total = sum(self._likelihood(*window)[0] for window in self._windows(text))
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, total)
            totals.append(total)
        return totals

    def _windows(self, text: str) -> Iterator[tuple[list[int], list[int]]]:
        windows = get_rolling_token_windows(
            token_list=self.tok_encode(text), prefix_token=self.prefix_token_id,
            max_seq_len=self.max_length, context_len=1,
        )  # fmt: skip
        yield from map(make_disjoint_window, windows)

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Raises `BadOption` for a generation option that is not known here."""
        answers = []
        for request in requests:
            context, options = request.args
            text = self._written(context, options)
            self.cache_hook.add_partial("generate_until", request.args, text)
            answers.append(text)
        return answers

    def _written(self, context: str, options: Mapping[str, Any]) -> str:
        sampling, limits = generation_of(options)
        assert limits.max_tokens is not None, "generation_of sets it"
        room = self.max_length - limits.max_tokens
        if room < 1:
            raise ContextFull(
                f"{limits.max_tokens} tokens are to be written in a context of {self.max_length}: give a "
                "larger `n_ctx`"
            )
        prompt = self._cut(encode_start(self._vocabulary, context), room) or [self.prefix_token_id]
        events = generate(self.team.model, prompt, sampling, limits)
        return next(event.text for event in events if isinstance(event, Finished))


def generation_of(options: Mapping[str, Any]) -> tuple[Sampling, Limits]:
    """Raises `BadOption`."""
    left = dict(options)
    until = left.pop("until", None) or ()
    stop = (until,) if isinstance(until, str) else tuple(until)
    lengths = [left.pop(name, None) for name in ("max_gen_toks", "max_new_tokens", "max_tokens")]
    max_tokens = next((int(n) for n in lengths if n is not None), _MAX_TOKENS)
    samples = left.pop("do_sample", None)
    given = {ours: left.pop(name) for name, ours in _SAMPLING.items() if name in left}
    if left:
        raise BadOption(
            f"a task asks for the generation options {json.dumps(sorted(left))}, which are not known "
            "here: override them (`gen_kwargs`)"
        )
    if samples is False:
        given = {"temperature": 0.0}
    # Loops are part of what a model says; the harness's other models go on in them, too.
    return Sampling(**given), Limits(max_tokens, tuple(filter(None, stop)), ends_loops=False)


def _first(*found: int | None) -> int:
    return next(token for token in found if token is not None)
