"""An expert from documents in the catalogue: model, head and team in one file, entered together."""

from collections.abc import Sequence
from pathlib import Path

from localcollab.models.store import entry_text, write_catalog


def enter_team(
    name: str, *, base: str, experts: Sequence[str], expert: Path, head: Path, about: str
) -> Path:
    """Model, head and team are all named `name`. One rename: old or new, never half.

    Raises `BadCatalog`.
    """
    team = {"method": "deferral", "base": base, "experts": list(experts), "head": name}
    parts = (
        entry_text("models", name, {"path": str(expert), "about": about}),
        entry_text("heads", name, {"path": str(head)}),
        entry_text("teams", name, {**team, "about": f"{base} with {about}"}),
    )
    return write_catalog(f"team-{name}", "\n".join(parts))
