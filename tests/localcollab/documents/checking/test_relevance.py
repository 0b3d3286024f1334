import pytest

from localcollab.documents.checking.relevance import answers


@pytest.mark.parametrize(
    ("question", "statement", "wanted"),
    [
        ("How large is the deposit?", "The rent is 845 euros.", False),
        ("How much is the rent?", "The rent is due in May.", False),
        ("How much is the rent?", "The rent is 845 euros.", True),
        ("Who chairs the board?", "Anna Berg.", True),
        ("Who chairs the board?", "Anna Berg chairs it.", True),
        ("How many rooms are there?", "There are no rooms.", True),
        ("Wie hoch ist die Miete?", "Die Miete ist hoch.", None),
        ("", "The rent is 845 euros.", None),
    ],
)
def test_a_statement_about_something_else_is_no_answer(
    question: str, statement: str, wanted: bool | None
) -> None:
    assert answers(question, statement) is wanted
