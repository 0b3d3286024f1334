"""The catalogue: models, trained files and teams by name, from models.toml files.

`reading` parses the files into the records of `entries` and `methods`; files of others are checked first,
with pydantic (`schema`, `validate`). Whether a file exists and works is left to `models` and `llama`,
opening a team to `teams`.
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
    Alone,
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
    "DEFAULT_TEAM", "METHODS", "SHIPPED", "Alone", "Blend", "Calm", "Catalog", "Contrast", "Deferral",
    "Familiarity", "Method", "Mixture", "ModelEntry", "Place", "Proxy", "Speculation", "TeamEntry",
    "TrainedEntry", "VerifiedEntry", "data_dir", "load_catalog", "method_name", "models_dir",
    "parse_catalog", "pulled_path", "seal", "shipped_catalog_path", "user_catalog_path", "written_dir",
]  # fmt: skip
