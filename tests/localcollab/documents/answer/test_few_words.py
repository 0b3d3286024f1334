"""What a small model of strangers answers from a lease."""

from pathlib import Path

import pytest

from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer.answer import Library, ask
from localcollab.documents.answer.events import Checked, Sources
from localcollab.documents.collection import Collection
from localcollab.events import Finished
from localcollab.llama.options import Options
from localcollab.teams.choice import TeamChoice
from localcollab.teams.open import open_team
from localcollab.teams.opened import OpenTeam
from localcollab.teams.session import Session

pytestmark = pytest.mark.real
LEASE = (
    "The monthly rent is 845 euros, payable on the third working day of each month. The deposit is 2,535 "
    "euros. Jürgen Öztürk, who owns the flat, lives in Łódź. The tenant may keep one cat.\n\nNotice must "
    "be given three months before the end of a quarter."
)


@pytest.fixture(scope="module")
def team(smollm2: Path) -> OpenTeam:
    return open_team(TeamChoice(team=smollm2).plan(), Options(n_ctx=1024))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("lease")
    (folder / "lease.txt").write_text(LEASE, encoding="utf-8")
    collection = Collection(None)
    collection.add([folder])
    return Library(collection, "lease")


def asked(team: OpenTeam, library: Library, question: str) -> tuple[Sources, Checked, Finished]:
    events = list(ask(Session(team), library, question, Sampling(temperature=0.0)))
    (sources,) = (event for event in events if isinstance(event, Sources))
    (checked,) = (event for event in events if isinstance(event, Checked))
    (finished,) = (event for event in events if isinstance(event, Finished))
    return sources, checked, finished


def test_what_the_program_is_sure_of_is_a_sentence(team: OpenTeam, library: Library) -> None:
    _, checked, finished = asked(team, library, "How high is the deposit?")
    assert finished.text == "The deposit is 2,535 euros."
    assert [(claim.support, claim.answers) for claim in checked.claims] == [("supported", True)]


@pytest.mark.parametrize(
    "question", ["Whose flat is it?", "When is the rent due?", "Is a cat fine?"]
)
def test_a_short_answer_is_copied_from_its_sources(
    team: OpenTeam, library: Library, question: str
) -> None:
    sources, _, finished = asked(team, library, question)
    assert finished.text
    assert finished.text in " ".join(sources.excerpt)
    assert finished.reason == "end"


def test_a_question_about_something_else_is_not_answered(team: OpenTeam, library: Library) -> None:
    _, _, finished = asked(team, library, "What colour is the roof?")
    assert finished.text == "The documents do not say."
