"""The catalogue: models, heads and teams by name, from models.toml files.

entries   the records, and how names are looked up
reading   files -> records; where the files are
schema    what may stand in a file; pydantic, imported only for files of others
"""

from localcollab.catalog.entries import (
    DEFAULT_TEAM,
    Catalog,
    Familiarity,
    HeadEntry,
    ModelEntry,
    TeamEntry,
)
from localcollab.catalog.reading import (
    SHIPPED,
    data_dir,
    load_catalog,
    models_dir,
    parse_catalog,
    pulled_path,
    seal,
    shipped_catalog_path,
    user_catalog_path,
    written_dir,
)

__all__ = [
    "DEFAULT_TEAM", "SHIPPED", "Catalog", "Familiarity", "HeadEntry", "ModelEntry", "TeamEntry",
    "data_dir", "load_catalog", "models_dir", "parse_catalog", "pulled_path", "seal",
    "shipped_catalog_path", "user_catalog_path", "written_dir",
]  # fmt: skip
