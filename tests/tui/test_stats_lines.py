from localcollab.events import Drafted, Finished
from localcollab_tui.formatting.figures import conversation_stats, outcome_of


def test_stats_need_no_answer() -> None:
    assert not [line for line in conversation_stats([]) if "accepted" in line]


def test_an_outcome_counts_proposed_tokens_by_source() -> None:
    drafted = {"lookup": Drafted(12, 9), "member": Drafted(8, 2)}
    outcome = outcome_of(Finished("end", "", (1, 2), 3, drafted=drafted))
    assert (outcome.proposed, outcome.accepted) == (
        {"lookup": 12, "member": 8}, {"lookup": 9, "member": 2},
    )  # fmt: skip
