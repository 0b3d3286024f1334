"""What is offered, and what is told of it before anything is loaded."""

from pathlib import Path

from localcollab.catalog import SHIPPED
from localcollab.server.offers import offers_of
from localcollab.server.request import ServeRequest

_CATALOG = """
[models.strong]
path = "{folder}/base.gguf"

[models.weak]
path = "{folder}/formulary.gguf"

[teams.pair]
method = "deferral"
base = "weak"
experts = ["strong"]
gate = "entropy"

[teams.pair.evidence]
verdict = "member"
member = "strong"
n = 200
team_accuracy = 0.4
member_accuracy = 0.51
p = 0.001
all_wrong = 0.3
data = "{data}"
date = "2026-12-01"
version = "0.2.0"
"""


def test_a_list_of_models_tells_what_tune_found(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    folder = (SHIPPED / "formulary").as_posix()
    path.write_text(_CATALOG.format(folder=folder, data="ab" * 32))
    offers = offers_of(ServeRequest(("pair", "strong"), catalogs=(path,)), lambda doing: None)
    assert [offer.about["verdict"] for offer in offers] == [
        {"use": "member", "member": "strong", "n_questions": 200, "team_accuracy": 0.4,
         "member_accuracy": 0.51, "p": 0.001, "date": "2026-12-01"},
        None,
    ]  # fmt: skip


def test_a_blend_is_offered_as_a_team() -> None:
    (offer,) = offers_of(ServeRequest(("formulary-blend",)), lambda doing: None)
    assert (offer.name, offer.about["kind"], offer.about["method"]) == (
        "formulary-blend", "team", "blend"
    )  # fmt: skip
