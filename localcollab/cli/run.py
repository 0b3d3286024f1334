"""`localcollab run`: one question, one streamed answer."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from localcollab.catalog import Blend
from localcollab.cli.options import (
    Adapter,
    Base,
    Draft,
    ExpertBudget,
    Experts,
    Head,
    JsonLines,
    KvType,
    Memory,
    Models,
    NCtx,
    OwnPrompt,
    Speculation,
    Team,
    TeamAnyway,
    Threads,
    Workers,
    in_bytes,
    one_name,
)
from localcollab.cli.output import AnswerOutput, write_line
from localcollab.cli.request import RunRequest, documents_request
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer.events import AnswerEvent
from localcollab.errors import BadOption
from localcollab.events import Retracted, Token
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.defaults import CHAT_MAX_TOKENS, chat_limits, chat_sampling, own_options
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan
from localcollab.teams.session import Session
from localcollab.terminal.status import Status, notes_shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] QUESTION",
            help="A team, a model or a GGUF file, and the question; one word is the question. "
            "Without a question, or if -: standard input.",
        ),
    ] = None,
    team: Team = None,
    base: Base = None,
    experts: Experts = None,
    head: Head = None,
    draft: Draft = None,
    speculation: Speculation = None,
    adapter: Adapter = None,
    gate: Annotated[
        str | None,
        typer.Option(help="Untrained gate: entropy, margin, always, never or random(RATE)."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Defer to an expert where p_defer exceeds this, 0 to 1.")
    ] = None,
    expert_budget: ExpertBudget = None,
    team_anyway: TeamAnyway = False,
    own_prompt: OwnPrompt = False,
    workers: Workers = None,
    compose: Annotated[
        bool, typer.Option("--compose", help="Mix the distributions of all members by p_defer.")
    ] = False,
    docs: Annotated[
        str | None, typer.Option(help="Answer from this collection of documents.")
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(help="Answer from this file, without a collection; may be repeated."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Show supported sentences only; say what was left out, and why."
        ),
    ] = False,
    docs_as: Annotated[
        str | None,
        typer.Option(
            help="How passages are used: prompt (the model reads them), quotes (it copies from them) "
            "or check (the answer is only compared with them)."
        ),
    ] = None,
    system: Annotated[str | None, typer.Option(help="System prompt.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Maximum number of tokens to generate. Default: 1024.")
    ] = None,
    stop: Annotated[list[str] | None, typer.Option(help="Stop string; may be repeated.")] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Sampling temperature; 0 = greedy decoding. Default: what the model's file or "
            "models.toml says, or 0.3; with documents 0."
        ),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(help="Top-k sampling: keep the k most likely tokens; 0 = off.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(help="Nucleus sampling: keep tokens up to this cumulative probability."),
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(help="Keep tokens with at least this share of the top probability."),
    ] = None,
    typical_p: Annotated[
        float | None, typer.Option(help="Locally typical sampling; 1 = off.")
    ] = None,
    repeat_penalty: Annotated[
        float | None, typer.Option(help="Penalty on recent tokens; 1 = off.")
    ] = None,
    dry_multiplier: Annotated[
        float | None, typer.Option(help="DRY: penalty on repeated sequences; 0 = off.")
    ] = None,
    xtc_probability: Annotated[
        float | None, typer.Option(help="XTC: chance to exclude the top choices; 0 = off.")
    ] = None,
    xtc_threshold: Annotated[
        float | None, typer.Option(help="XTC: probability that makes a token a top choice.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    n_ctx: NCtx = None,
    n_threads: Threads = None,
    n_gpu_layers: Annotated[
        int | None,
        typer.Option(
            "--gpu-layers", help="Layers to offload to the GPU. Default: all, if supported."
        ),
    ] = None,
    kv_type: KvType = "f16",
    flash_attention: Annotated[str, typer.Option(help="auto, on or off.")] = "auto",
    load_mode: Annotated[
        str, typer.Option(help="How weights are loaded: auto, mmap, read or mlock.")
    ] = "auto",
    budget: Memory = None,
    marks: Annotated[
        bool | None,
        typer.Option(
            "--marks/--no-marks", help="Mark each author's words. Default: on a terminal."
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Show which words the base alone would be unlikely to write."
        ),
    ] = False,
    as_json: JsonLines = False,
    models: Models = None,
) -> None:
    """Ask a team one question and stream the answer.

    Colours and marks show which model wrote what; underlined words are those no model was confident of.
    """
    options = Options(
        n_ctx=n_ctx,
        n_threads=n_threads,
        n_gpu_layers=n_gpu_layers,
        kv_type=kv_type,  # type: ignore[arg-type]  # Options checks it
        flash_attention=flash_attention,  # type: ignore[arg-type]
        load_mode=load_mode,  # type: ignore[arg-type]
    )
    named, question = named_and_asked(words or [], team)
    choice = TeamChoice(
        team=named, base=base, experts=tuple(experts or ()), head=head, gate=gate,
        threshold=threshold, compose=compose, seed=seed, draft=draft,
        adapter=adapter, catalogs=tuple(models or ()), expert_budget=expert_budget,
        team_anyway=team_anyway, speculation=speculation,
        own_prompt=own_prompt, workers=tuple(workers or ()),
    )  # fmt: skip
    request = RunRequest(
        question,
        choice,
        options,
        system=system,
        sampling={
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "min_p": min_p,
            "typical_p": typical_p,
            "repeat_penalty": repeat_penalty,
            "dry_multiplier": dry_multiplier,
            "xtc_probability": xtc_probability,
            "xtc_threshold": xtc_threshold,
            "seed": seed,
        },
        max_tokens=max_tokens,
        stop=tuple(stop or ()),
        docs=documents_request(docs, file or (), strict=strict, way=docs_as),
        budget=in_bytes(budget),
        explain=explain,
    )
    answer(request, marks=marks, as_json=as_json)


def named_and_asked(words: list[str], team: str | None) -> tuple[str | None, str | None]:
    """(team, question). Raises `BadOption`."""
    if len(words) > 2:
        raise BadOption(f"{len(words)} words are given: put the question in quotes")
    if len(words) < 2:
        return team, words[0] if words else None
    return one_name(words[0], team), words[1]


def answer(request: RunRequest, *, marks: bool | None = None, as_json: bool) -> None:
    """Streams the answer to standard output. Raises what opening and asking raise."""
    plan = request.choice.plan_to_answer()
    text = request.text()
    request.check(plan)
    status = Status(sys.stderr)
    for each in plan.notes:
        status.note(each)
    if isinstance(plan.method, Blend):
        _answer_blend(plan, request, text, status, marks=marks, as_json=as_json)
        return
    with ExitStack() as stack:
        stack.enter_context(notes_shown(status))
        events = _Events(plan, request, text, status, stack)
        output = AnswerOutput(
            list(events.team.members), status, marks=marks, as_json=as_json,
            goes_back=bool(events.team.settings.second_thoughts),
        )  # fmt: skip
        written: list[Token] = []
        stack.callback(output.release)
        for event in events:
            if isinstance(event, Token):
                written.append(event)
            elif isinstance(event, Retracted):
                del written[len(written) - event.n_tokens :]
            output.show(event)
        if request.explain:
            _explain(events, written, status, as_json=as_json)


class _Events:
    """The events of one answer of a team that writes token by token."""

    def __init__(
        self, plan: TeamPlan, request: RunRequest, text: str, status: Status, stack: ExitStack
    ) -> None:
        self._request, self._text = request, text
        self._library = None
        if request.docs is not None:
            self._library = request.docs.open()
            stack.enter_context(self._library.collection)
        self.team: OpenTeam = open_team(plan, request.options, status.show)
        self._session = Session(self.team, system=request.system or self.team.settings.system)
        self.prompt = self._session.prompt(text) if request.explain else []
        if self.team.template is None:
            status.note(
                f"{plan.name}: the base has no chat template: the text is continued as it is"
            )
        status.clear()

    def __iter__(self) -> Iterator[AnswerEvent]:
        request = self._request
        sampling = chat_sampling(
            self.team, request.sampling, from_documents=self._library is not None
        )
        limits = chat_limits(self.team, request.max_tokens, request.stop)
        if self._library is None:
            return self._session.ask(self._text, sampling, limits, takes_back=True)
        from localcollab.documents.answer.answer import ask

        return ask(self._session, self._library, self._text, sampling, limits, takes_back=True)


def _explain(events: _Events, written: list[Token], status: Status, *, as_json: bool) -> None:
    # Imported here: few ask for it.
    from localcollab.evaluation.explain import explain, words_that_drop

    found = explain(events.team, events.prompt, written)
    if as_json:
        write_line(found)
        return
    words = words_that_drop(written, found)
    status.note(f"unlikely for the base alone: {' · '.join(words) or 'nothing'}")


def _answer_blend(
    plan: TeamPlan,
    request: RunRequest,
    text: str,
    status: Status,
    *,
    marks: bool | None,
    as_json: bool,
) -> None:
    # Imported here: a team that writes token by token needs none of it.
    from localcollab.blend.open import open_blend
    from localcollab.blend.session import BlendSession

    with notes_shown(status):
        recipe, residence = open_blend(plan, request.options, status.show, budget=request.budget)
        session = BlendSession(recipe, residence.open, residence.open_fuser, system=request.system)
        output = AnswerOutput(_blend_authors(plan), status, marks=marks, as_json=as_json)
        sampling = Sampling(**own_options(request.sampling))
        limits = Limits(request.max_tokens or CHAT_MAX_TOKENS, request.stop)
        for event in session.ask(text, sampling, limits, doubt=_doubt(request, text)):
            output.show(event)


def _doubt(request: RunRequest, text: str) -> Callable[[str], str | None]:
    """What a blend's candidates are compared with."""
    if request.docs is None:
        return lambda answer: None
    from localcollab.documents.answer.doubts import doubt_of

    library = request.docs.open()
    with library.collection:
        hits = library.collection.search(text, library.n_passages)
    return doubt_of([f"{hit.passage.heading}\n{hit.passage.text}" for hit in hits], text)


def _blend_authors(plan: TeamPlan) -> list[str]:
    """The members; of a blend of samples, those of its one member."""
    members = plan.members
    if len(members) == 1 and isinstance(members[0], TeamPlan):
        members = members[0].members
    return list(dict.fromkeys(member.name for member in members))
