"""`localcollab convert lora`: the adapter, and how to enter it in the catalogue."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from localcollab.catalog import load_catalog
from localcollab.errors import BadOption
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible
from localcollab_convert.model.converter import find_converter
from localcollab_convert.model.lora import make_adapter


def run(
    peft: Path,
    base: str,
    out: Path,
    *,
    converter: Path | None,
    catalogs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Raises what `make_adapter` raises, and `BadCatalog`."""
    if out.suffix != ".gguf":
        raise BadOption(f"--out is {out}: give a name that ends in .gguf")
    path = Path(base)
    name = "BASE"
    if not path.exists():
        path, name = load_catalog(*catalogs).model(base).path, base
    status = Status(sys.stderr)
    try:
        made = make_adapter(find_converter(converter), peft, path, out, status.show)
    finally:
        status.clear()
    if as_json:
        print(json.dumps(asdict(made) | {"path": str(made.path)}, indent=1))
        return
    size = f"{made.size_bytes / 2**20:.1f} MiB"
    print(visible(f"{made.path} (rank {made.rank}, {size}, sha256 {made.sha256[:12]})"))
    print("in models.toml:")
    print(visible(f'  [models.{out.stem}]\n  adapter = "{out}"\n  weights_of = "{name}"'))
