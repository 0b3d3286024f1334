"""A plan -> an open team. Probes each file, shares weights, checks what was trained for them.

`run`, `chat`, `eval` and `convert` all open their models here.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from localcollab.catalog import Blend, Calm
from localcollab.chat.own_form import OwnForm
from localcollab.chat.template import ChatTemplate
from localcollab.decoding.speculation import Draft
from localcollab.errors import BadOption
from localcollab.llama.machine import physical_cores
from localcollab.llama.options import TINY_BYTES, Options
from localcollab.llama.probe import Verdict
from localcollab.methods.familiarity import Speller
from localcollab.methods.heads import load_head
from localcollab.methods.vocabulary_map import in_vocabulary, with_own_prompts
from localcollab.progress import OnProgress
from localcollab.teams.build import composed_model, team_model
from localcollab.teams.file_settings import chat_template, read_template, recommended_sampling
from localcollab.teams.identity import member_sha256, probe_member
from localcollab.teams.opened import OnDemand, OpenTeam
from localcollab.teams.plan import (
    DRAFT,
    Member,
    TeamPlan,
    require_a_worker_each,
)
from localcollab.teams.speculating import speculation_of
from localcollab.vocabularies.prompts import OwnPrompts
from localcollab.vocabulary import Vocabulary

if TYPE_CHECKING:
    from localcollab.isolation.isolated import IsolatedModel
    from localcollab.llama.context import LlamaModel
    from localcollab.llama.prompt_cache import PromptCache
    from localcollab.llama.weights import Weights

_SPELLING_CTX = 128
"""Context size, in tokens, with which an expert spells names."""


def open_team(
    plan: TeamPlan,
    options: Options | None = None,
    on_progress: OnProgress | None = None,
    prompt_cache: "PromptCache | None" = None,
) -> OpenTeam:
    """`prompt_cache`: where the contexts' states are kept on disk. Raises `BadModelFile`,
    `VocabularyMismatch`, `HeadMismatch`, `BridgeMismatch`, `BadOption`."""
    return Files(options or Options(), on_progress, prompt_cache).open(plan)


class Files:
    """Model files, each probed and loaded once however many members share it, and the contexts of one
    conversation on them."""

    def __init__(
        self,
        options: Options,
        on_progress: OnProgress | None = None,
        prompt_cache: "PromptCache | None" = None,
    ) -> None:
        self.options = options
        self.prompt_cache = prompt_cache
        self.contexts: list[LlamaModel | IsolatedModel] = []
        self._on_progress = on_progress
        self._verdicts: dict[tuple[Path, Path | None], Verdict] = {}
        self._weights: dict[tuple[str, bool], Weights] = {}
        self._templates: dict[Path, ChatTemplate | None] = {}
        self._own_prompts: dict[tuple[str, Path], OwnPrompts] = {}
        self._n_ctx: Mapping[Member, int] = {}
        self._n_ctx_opened: dict[Member, int] = {}

    def open(self, plan: TeamPlan) -> OpenTeam:
        """Raises what `open_team` raises."""
        if isinstance(plan.method, Blend):
            raise BadOption(
                f"{plan.name} is a blend, which picks among whole answers and does not write tokens: "
                "use one of its members here"
            )
        require_a_worker_each(plan)
        for member in plan.files:
            self.verdict(member)  # check all before loading any
        self.options = self.options.or_else(
            n_ctx=plan.settings.n_ctx, n_threads=plan.settings.threads
        )
        self._load_together(plan)
        return self._as_set(plan, _open(plan, self))

    def _as_set(self, plan: TeamPlan, team: OpenTeam) -> OpenTeam:
        """With the plan's settings: a template of its own, and how it is asked."""
        recommended = recommended_sampling(self.weights(plan.first).header.metadata)
        team = replace(team, settings=plan.settings, recommended=recommended)
        speculation = speculation_of(
            plan, team.model, team.draft, self.options, partial(member_sha256, verdict=self.verdict),
            keeps_state=any(context.weights.keeps_state for context in self.contexts),
            is_tiny=all(context.weights.size_bytes < TINY_BYTES for context in self.contexts),
        )  # fmt: skip
        team = replace(
            team,
            contexts=self.contexts,
            notes=plan.notes,
            prompt_cache=self.prompt_cache,
            speculation=speculation,
        )
        if plan.settings.template is None:
            return team
        text = read_template(plan.settings.template)
        name = plan.settings.template.name
        return replace(team, template=chat_template(text, name, team.model.vocabulary))

    def beside(self) -> "Files":
        """For one more conversation: the same weights, no context yet, and contexts of equal size."""
        other = Files(self.options, self._on_progress, self.prompt_cache)
        other._verdicts, other._weights = self._verdicts, self._weights
        # A template has a process of its own, which serves any number of conversations.
        other._templates, other._own_prompts = self._templates, self._own_prompts
        other._n_ctx = self._n_ctx_opened
        return other

    def close(self) -> None:
        """Free the contexts. Weights are freed with their last user."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()

    def template(self, weights: "Weights", vocabulary: Vocabulary) -> ChatTemplate | None:
        if weights.path not in self._templates:
            text = weights.chat_template
            made = chat_template(text, weights.path.name, vocabulary) if text else None
            self._templates[weights.path] = made
        return self._templates[weights.path]

    def own_prompts(self, member: Member | TeamPlan) -> OwnPrompts:
        """One for all conversations: a server makes a prompt before it knows whose context is free."""
        path = member.path if isinstance(member, Member) else member.first.path
        return self._own_prompts.setdefault((member.name, path), OwnPrompts())

    def own_template(
        self, member: Member | TeamPlan, of_file: ChatTemplate | None, vocabulary: Vocabulary
    ) -> ChatTemplate:
        """Raises `BadOption` where a member that wants its own chat form has no template."""
        path = member.settings.template
        if path is not None:
            return chat_template(read_template(path), path.name, vocabulary)
        if of_file is None:
            raise BadOption(
                f'{member.name} has prompt = "own", but no chat template of its own: leave prompt out '
                "(a base model reads plain text), or name a file with template in models.toml"
            )
        return of_file

    @property
    def weights_bytes(self) -> int:
        return sum(weights.size_bytes for weights in self._weights.values())

    def context_options(self, member: Member, options: Options | None = None) -> Options:
        """For a further conversation, the size chosen by the first."""
        options = options or self.options
        if options.n_ctx is not None or member not in self._n_ctx:
            return options
        return replace(options, n_ctx=self._n_ctx[member])

    def opened(self, member: Member, *contexts: "LlamaModel | IsolatedModel") -> None:
        """The `contexts` of a member; the first is the one that it reads with."""
        self.contexts += contexts
        self._n_ctx_opened.setdefault(member, contexts[0].n_ctx)

    def verdict(self, member: Member) -> Verdict:
        key = (member.path, member.adapter)
        if key not in self._verdicts:
            self._verdicts[key] = probe_member(member, self._on_progress)
        return self._verdicts[key]

    def _load_together(self, plan: TeamPlan) -> None:
        """Several files side by side, where there are cores for it: loading is mostly repacking, which
        llama.cpp does in one thread."""
        alone = {self.verdict(each).path: each for each in plan.files if not each.isolated}
        new = [each for path, each in alone.items() if (path, False) not in self._weights]
        n_threads = min(len(new), physical_cores())
        if n_threads < 2:
            return
        if self._on_progress:
            names = ", ".join(each.name for each in new)
            self._on_progress(f"loading {names} ({len(new)} files)")
        with ThreadPoolExecutor(n_threads) as executor:
            for each, weights in zip(new, executor.map(self._loaded, new), strict=True):
                self._weights[self.verdict(each).path, False] = weights

    def _loaded(self, member: Member) -> "Weights":
        from localcollab.llama.weights import load_weights

        verdict = self.verdict(member)
        return load_weights(Path(verdict.path), self.options, extra_buffers=verdict.extra_buffers)

    def weights(self, member: Member) -> "Weights":
        """Of an isolated member without the tensors, which its own process holds."""
        # Imported here: reading a catalogue or planning a team needs no llama.cpp.
        from localcollab.llama.weights import plan_weights

        verdict = self.verdict(member)
        path, key = Path(verdict.path), (verdict.path, member.isolated)
        if key in self._weights:
            return self._weights[key]
        if member.isolated:
            self._weights[key] = plan_weights(path, 0, extra_buffers=verdict.extra_buffers)
            return self._weights[key]
        if self._on_progress:
            self._on_progress(f"loading {member.name} ({member.path.name})")
        self._weights[key] = self._loaded(member)
        return self._weights[key]


def _open(plan: TeamPlan, files: Files) -> OpenTeam:
    if isinstance(plan.method, Calm):
        return _open_composed(plan, files)
    head = load_head(plan.head) if plan.head else None
    parts = dict(_parts(plan, files))
    members = {name: part.model for name, part in parts.items()}
    model = team_model(plan, list(members.values()), _sha256s(plan, files), head)
    verdicts = dict(_verdicts(plan, parts, files))
    template = next(iter(parts.values())).template
    spellers = _open_spellers(plan, parts, files)
    draft = _open_draft(plan, model.vocabulary, files)
    forms = tuple(form for part in parts.values() for form in part.own_forms)
    return OpenTeam(
        plan.name, model, members, verdicts, template, head, spellers, draft, own_forms=forms
    )


def _open_composed(plan: TeamPlan, files: Files) -> OpenTeam:
    # A composition's own contexts cannot be read apart: their layers are joined.
    alone = [member for member in plan.members if isinstance(member, Member)]
    apart = [member.name for member in alone if member.isolated]
    if apart:
        raise BadOption(
            f"{plan.name}: {apart[0]} is isolated, and a composition reads the layers of its models "
            "together: remove 'isolated' or 'worker' from its entry"
        )
    weights = {member.name: files.weights(member) for member in alone}
    options = files.context_options(plan.first)
    model = composed_model(plan, weights, _sha256s(plan, files), options)
    files.opened(plan.first, *model.members.values())
    if files.prompt_cache is not None:
        sha256s = _sha256s(plan, files)
        model.keep_in(files.prompt_cache, sha256s, member_sha256(plan, files.verdict))
    template = files.template(weights[plan.first.name], model.vocabulary)
    members = OnDemand({member.name: partial(_open_member, member, files) for member in alone})
    verdicts, draft = dict(_verdicts(plan, {}, files)), _open_draft(plan, model.vocabulary, files)
    return OpenTeam(plan.name, model, members, verdicts, template, draft=draft)


def _sha256s(plan: TeamPlan, files: Files) -> list[str]:
    return [member_sha256(member, files.verdict) for member in plan.members]


def _parts(plan: TeamPlan, files: Files) -> Iterator[tuple[str, OpenTeam]]:
    """Each member as a team of its own, mapped to the vocabulary of the first."""
    vocabulary: Vocabulary | None = None
    for member in plan.members:
        part = _open(member, files) if isinstance(member, TeamPlan) else _alone(member, files)
        if vocabulary is None:
            vocabulary = part.model.vocabulary
        else:
            part = _beside(member, part, vocabulary, files)
        yield member.name, part


def _beside(
    member: Member | TeamPlan, part: OpenTeam, vocabulary: Vocabulary, files: Files
) -> OpenTeam:
    """In the ids of the base, and with prompts in its own form where it asks for that."""
    model = in_vocabulary(part.model, vocabulary)
    if member.settings.prompt != "own":
        return replace(part, model=model)
    own = part.model.vocabulary
    template = files.own_template(member, part.template, own)
    form = OwnForm(template, own, files.own_prompts(member))
    model = with_own_prompts(model, form.prompts)
    return replace(part, model=model, own_forms=(*part.own_forms, form))


def _alone(member: Member, files: Files) -> OpenTeam:
    model = _open_member(member, files)
    template = files.template(files.weights(member), model.vocabulary)
    return OpenTeam(member.name, model, {member.name: model}, {}, template)


def _verdicts(
    plan: TeamPlan, parts: Mapping[str, OpenTeam], files: Files
) -> Iterator[tuple[str, Verdict]]:
    for member in plan.members:
        if isinstance(member, Member):
            yield member.name, files.verdict(member)
        else:
            inner = parts[member.name].verdicts.items()
            yield from ((f"{member.name}/{name}", verdict) for name, verdict in inner)
    if plan.draft:
        yield DRAFT, files.verdict(plan.draft)


def _open_member(
    member: Member, files: Files, options: Options | None = None
) -> "LlamaModel | IsolatedModel":
    from localcollab.llama.context import LlamaModel

    fitting = files.context_options(member, options)
    if member.isolated:
        isolated = _open_isolated(member, files, fitting)
        files.opened(member, isolated)
        return isolated
    model = LlamaModel(files.weights(member), fitting, name=member.name)
    files.opened(member, model)
    if member.adapter:
        from localcollab.llama.adapter import set_adapter

        set_adapter(model, member.adapter)
    if files.prompt_cache is not None:
        sha256 = files.verdict(member).sha256
        model.kept = files.prompt_cache.context(model, sha256, fitting)
    return model


def _open_isolated(member: Member, files: Files, options: Options) -> "IsolatedModel":
    from localcollab.isolation.isolated import IsolatedModel, Opening

    extra_buffers = files.verdict(member).extra_buffers
    weights = files.weights(member)
    return IsolatedModel(
        Opening(member.name, weights, options, extra_buffers, member.adapter, member.worker)
    )


def _open_draft(plan: TeamPlan, vocabulary: Vocabulary, files: Files) -> Draft | None:
    if plan.draft is None:
        return None
    opened = _open_member(plan.draft, files)
    return Draft(in_vocabulary(opened, vocabulary))


def _open_spellers(
    plan: TeamPlan, parts: Mapping[str, OpenTeam], files: Files
) -> dict[str, Speller]:
    small = replace(
        files.options, n_ctx=_SPELLING_CTX, n_batch=_SPELLING_CTX, n_ubatch=_SPELLING_CTX
    )
    found = {}
    for member in plan.members:
        if isinstance(member, Member) and member.name in plan.familiar:
            # A worker serves one context: there the expert spells in the one that it reads with.
            own = parts[member.name].members[member.name] if member.worker else None
            model = own or _open_member(member, files, small)
            found[member.name] = Speller(model, plan.familiar[member.name])
    return found
