"""The catalogue entry of an adapted expert: base and adapter, head and team in one file."""

from pathlib import Path

from localcollab.models.store import entry_text, write_catalog
from localcollab_convert.adapted.request import AdaptedRequest, AdaptedResult


def enter_adapted(request: AdaptedRequest, result: AdaptedResult) -> Path:
    """Model, head and team all have the name of the expert. One rename: old or new, never a mix.

    Raises `BadCatalog`.
    """
    name, about = request.name, f"{result.n_texts} texts of private documents"
    team = {
        "method": "deferral",
        "base": request.base,
        "experts": [name],
        "head": name,
        "compose": True,
    }
    model = {"weights_of": request.base, "adapter": str(result.adapter), "about": about}
    parts = (
        entry_text("models", name, model),
        entry_text("heads", name, {"path": str(result.head)}),
        entry_text("teams", name, {**team, "about": f"{request.base} with {about}"}),
    )
    return write_catalog(f"team-{name}", "\n".join(parts))
