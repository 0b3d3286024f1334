"""The catalogue: models, heads and teams by name, from models.toml files.

entries   the records, and how names are looked up
methods   the ways a team answers as one, and the keys of each
reading   files -> records; where the files are
tables    what may stand in a file; pydantic, imported only for files of others
schema    what is said of what may not stand there
"""

from localcollab.catalog.entries import (
    DEFAULT_TEAM,
    Catalog,
    ModelEntry,
    TeamEntry,
    TrainedEntry,
    VerifiedEntry,
)
from localcollab.catalog.methods import (
    METHODS,
    Blend,
    Calm,
    Contrast,
    Deferral,
    Familiarity,
    Method,
    Mixture,
    Place,
    Proxy,
    Speculation,
    method_name,
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
    "DEFAULT_TEAM", "METHODS", "SHIPPED", "Blend", "Calm", "Catalog", "Contrast", "Deferral",
    "Familiarity", "Method", "Mixture", "ModelEntry", "Place", "Proxy", "Speculation", "TeamEntry",
    "TrainedEntry", "VerifiedEntry", "data_dir", "load_catalog", "method_name", "models_dir",
    "parse_catalog", "pulled_path", "seal", "shipped_catalog_path", "user_catalog_path", "written_dir",
]  # fmt: skip
