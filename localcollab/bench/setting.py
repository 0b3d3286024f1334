"""What is measured: an open team, a prompt of 256 tokens, an answer of 64, and bare loops beside it."""

from dataclasses import dataclass, replace

from localcollab.bench.figures import Clock, choose_clock
from localcollab.catalog import Calm
from localcollab.errors import BadOption
from localcollab.language_model import LanguageModel
from localcollab.llama.bare import BareLoop
from localcollab.llama.context import LlamaModel
from localcollab.llama.header import read_header
from localcollab.llama.options import Options, threads_for
from localcollab.methods.vocabulary_map import RemappedVocabulary
from localcollab.progress import OnProgress
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan
from localcollab.vocabularies.prompts import PromptedModel
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabulary import Vocabulary

N_PROMPT, N_ANSWER = 256, 64
N_CTX = 1024
_LEAST_CTX = 512
_TEXT = "The nurse asked how many tablets she should take with a glass of water each morning. "


@dataclass(frozen=True)
class Setting:
    plan: TeamPlan
    options: Options
    team: OpenTeam
    """Its base never ends an answer by itself: every run writes the same number of tokens."""
    vocabulary: Vocabulary
    """As the base has it, ends included."""
    prompt: tuple[int, ...]
    bare: tuple[BareLoop, ...]
    """Base first, on contexts of their own with the same options."""
    n_threads: int
    """Of the base."""
    busy: bool = False
    """One thread and CPU time, for a machine with other work."""

    @property
    def clock(self) -> Clock:
        return choose_clock(busy=self.busy)

    @property
    def members(self) -> list[LanguageModel]:
        return list(self.team.members.values())

    def forget(self) -> None:
        """Empty the caches, so that a run begins with its prompt."""
        for member in self.members:
            llama_of(member).forget()


def choose_options(plan: TeamPlan, n_threads: int | None = None) -> Options:
    """The defaults, with a context of at most `N_CTX`. Raises `BadModelFile`, `BadOption`."""
    sizes = {m.path: read_header(m.path).number("context_length") for m in plan.files}
    for path, size in sizes.items():
        if size is not None and size < _LEAST_CTX:
            raise BadOption(f"{path}: a context of {size} tokens is too small: bench needs 512")
    n_ctx = min([N_CTX, *(size for size in sizes.values() if size)])
    return Options(n_ctx=n_ctx, n_threads=n_threads)


def open_setting(plan: TeamPlan, on_progress: OnProgress, *, busy: bool = False) -> Setting:
    """Raises what opening a team raises."""
    options = choose_options(plan, n_threads=1 if busy else None)
    if isinstance(plan.method, Calm):
        raise BadOption(
            f"{plan.name} is a composition, whose members have other contexts here than in it: "
            "localcollab eval measures its cost with `compare`"
        )
    team = open_team(plan, options, on_progress)
    llamas = [llama_of(member) for member in team.members.values()]
    vocabulary = llamas[0].vocabulary
    llamas[0].vocabulary = replace(vocabulary, end=frozenset())
    return Setting(
        plan=plan,
        options=options,
        team=team,
        vocabulary=vocabulary,
        prompt=tuple(make_prompt(vocabulary)),
        bare=tuple(
            BareLoop(LlamaModel(m.weights, options, name=m.name), choose_clock(busy=busy))
            for m in llamas
        ),
        n_threads=threads_for(llamas[0].weights.size_bytes, options),
        busy=busy,
    )


def make_prompt(vocabulary: Vocabulary, n_tokens: int = N_PROMPT) -> list[int]:
    """English; what it says matters to no figure."""
    return vocabulary.encode(_TEXT * (n_tokens // 4), bos=True)[:n_tokens]


def llama_of(member: LanguageModel) -> LlamaModel:
    """The llama.cpp model of a member. Raises `BadOption` for a team among the members."""
    inner = member
    if isinstance(member, (RemappedVocabulary, TranslatedModel, PromptedModel)):
        inner = member.inner
    if not isinstance(inner, LlamaModel):
        raise BadOption(f"{member.name} is a team itself: bench measures teams of model files")
    return inner
