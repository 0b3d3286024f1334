import pytest

from localcollab.documents.checking.kinds import Kind, asked_kind, kinds_in
from localcollab.documents.checking.languages.en import ENGLISH
from localcollab.documents.checking.tokens import tokens


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who chairs the board?", "name"),
        ("Where is the pump made?", "name"),
        ("When is the rent due?", "time"),
        ("In which year was it built?", "time"),
        ("How many rooms are there?", "number"),
        ("What is the number of rooms?", "number"),
        ("How is it made?", None),
        ("What is it made of?", None),
        ("Is it made of steel?", None),
    ],
)
def test_the_first_asking_word_and_its_noun_tell_the_kind(question: str, kind: Kind | None) -> None:
    assert asked_kind(tokens(question, ENGLISH)) == kind


@pytest.mark.parametrize(
    ("sentence", "kinds"),
    [
        ("It was built in 1790.", {"time"}),
        ("It is due on the third day of each month.", {"time"}),
        ("The mill has 4 rooms.", {"number"}),
        ("In winter it is closed.", set()),
        ("It belongs to Anna Berg since 1 March 2025.", {"name", "time"}),
        ("The house of Ulm is old.", set()),
    ],
)
def test_what_the_question_names_is_no_answer_to_it(sentence: str, kinds: set[Kind]) -> None:
    assert kinds_in(tokens(sentence, ENGLISH), frozenset({"ulm"}), ENGLISH) == kinds
