"""The export of a head for the shipped team, as several tests need it."""

from collections.abc import Callable
from pathlib import Path

from localcollab.catalog import load_catalog
from localcollab.teams.plan import plan_from_catalog
from localcollab_convert.export.make import Exporter
from localcollab_convert.export.request import ExportRequest


def export_shipped(
    data: Path,
    out: Path,
    *,
    ray: str | None = None,
    on_progress: Callable[[object], None] = lambda event: None,
) -> None:
    catalog = load_catalog()
    plan = plan_from_catalog(catalog, catalog.team("formulary"))
    request = ExportRequest(plan=plan, data=data, work=out, n_ctx=256, n_threads=1, ray=ray)
    Exporter(request, on_progress, lambda note: None).export()
