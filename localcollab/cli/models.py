"""`localcollab models ...`: lists, shows, adds, removes, checks and downloads model files."""

from dataclasses import asdict
from typing import Annotated

import typer

from localcollab.cli import prompt_cache
from localcollab.cli.group import CommandGroup
from localcollab.cli.options import Json, KvType, Models
from localcollab.errors import BadOption
from localcollab.terminal.printing import print_json, print_line

app = typer.Typer(
    cls=CommandGroup,
    help="List, add, download and check model files.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

app.add_typer(prompt_cache.app, name="cache")

# What a command runs is imported in it: help needs no NumPy.

Name = Annotated[str, typer.Argument(help="A model of the catalogue.")]


@app.command("list")
def list_models(
    elsewhere: Annotated[
        bool,
        typer.Option(
            "--elsewhere", help="List the files of Ollama, LM Studio and the Hub's cache instead."
        ),
    ] = False,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """List the models of the catalogue and what they take on disk."""
    from localcollab.catalog import load_catalog
    from localcollab.models.listing import model_line, records, total_line

    if elsewhere:
        _list_elsewhere(as_json=as_json)
        return
    found = records(load_catalog(*(models or ())))
    if as_json:
        print_json(found)
        return
    for record in found:
        print_line(model_line(record))
    print_line(total_line(found))


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="All of them must occur.")],
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Find models by name, description, licence or size: of the catalogue and of other programs."""
    from localcollab.catalog import load_catalog
    from localcollab.models.listing import model_line
    from localcollab.models.other_programs import as_row, find_everywhere, found_line
    from localcollab.models.search import search_catalog, search_elsewhere

    text = " ".join(words)
    found = search_catalog(load_catalog(*(models or ())), text)
    files = search_elsewhere(find_everywhere(), text)
    if as_json:
        print_json({"catalogue": found, "elsewhere": [as_row(file) for file in files]})
        return
    for record in found:
        print_line(model_line(record))
    for file in files:
        print_line(found_line(file))
    if not found and not files:
        print_line(
            f"no model holds {text!r}; localcollab models pull OWNER/NAME brings one of the hub"
        )


def _list_elsewhere(*, as_json: bool) -> None:
    from localcollab.models.other_programs import as_row, find_everywhere, found_line

    found = find_everywhere()
    if as_json:
        print_json([as_row(file) for file in found])
        return
    for file in found:
        print_line(found_line(file))
    print_line(f"{len(found)} files; localcollab models add NAME adds one without copying it")


@app.command()
def show(name: Name, as_json: Json = False, models: Models = None) -> None:
    """Show everything that is known of one model."""
    from localcollab.catalog import load_catalog
    from localcollab.models.listing import detail_lines, model_record

    catalog = load_catalog(*(models or ()))
    catalog.model(name)
    if as_json:
        print_json(model_record(catalog, name))
        return
    for line in detail_lines(catalog, name):
        print_line(line)


@app.command()
def add(
    file: Annotated[str, typer.Argument(help="A GGUF file, or a name from list --elsewhere.")],
    name: Annotated[
        str | None, typer.Option(help="Name in the catalogue. Default: the file's.")
    ] = None,
    models: Models = None,
) -> None:
    """Add a GGUF file of this machine to the catalogue; it is linked, never copied."""
    from localcollab.models import installed

    entry = installed.add(file, name, tuple(models or ()))
    print_line(f"added {entry.name}: {entry.path} (sha256 {(entry.sha256 or '')[:12]})")


@app.command()
def rm(name: Name, models: Models = None) -> None:
    """Remove a model from the catalogue.

    A file that localcollab keeps is deleted with the last model that uses it.
    """
    from localcollab.models.installed import remove

    print_line(f"removed {name}: {remove(name, tuple(models or ()))}")


@app.command()
def verify(
    name: Annotated[
        str | None, typer.Argument(help="A model. Default: every installed model.")
    ] = None,
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Compare the files' sha256 with the catalogue.

    Exits with 1 if a file is missing or changed.
    """
    from localcollab.models import installed

    found = []
    for one in installed.verify(name, tuple(models or ())):
        found.append({"name": one.name, "path": str(one.path), "state": one.state})
        if not as_json:
            print_line(f"{one.name}: {one.state}: {one.path}", flush=True)
    if as_json:
        print_json(found)
    if any(one["state"] in ("missing", "changed") for one in found):
        raise typer.Exit(1)


@app.command()
def fit(
    team: Annotated[str, typer.Argument(help="A team, a model or a GGUF file.")],
    n_ctx: Annotated[
        int | None, typer.Option(help="Context size in tokens. Default: as run would choose it.")
    ] = None,
    kv_type: KvType = "f16",
    as_json: Json = False,
    models: Models = None,
) -> None:
    """Compute the memory that a team or a model takes, without loading it.

    Exits with 1 if it does not fit.
    """
    from localcollab.catalog import load_catalog
    from localcollab.llama.options import Options
    from localcollab.models.fit import fit_team
    from localcollab.models.fit_report import lines
    from localcollab.teams.names import Names

    options = Options(n_ctx=n_ctx, kv_type=kv_type)  # type: ignore[arg-type]  # Options checks it
    catalog, entry = Names(load_catalog(*(models or ()))).as_team(team)
    found = fit_team(catalog, entry, options)
    if as_json:
        print_json(asdict(found) | {"fits": found.fits})
    else:
        for line in lines(found):
            print_line(line)
    if not found.fits:
        raise typer.Exit(1)


@app.command()
def requantize(
    model: Annotated[str, typer.Argument(help="A GGUF file, or a model of the catalogue.")],
    type: Annotated[str, typer.Argument(help="As Q8_0 or Q4_0: see localcollab doctor --speed.")],
    name: Annotated[
        str | None, typer.Option(help="Name in the catalogue. Default: the model's, with the type.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Keep the new file even if it is not faster here.")
    ] = False,
    models: Models = None,
) -> None:
    """Quantize a file again, to a type that this machine computes faster; both are measured.

    What the first quantization lost stays lost: convert model makes a better file from the original.
    Exits with 1 if nothing is gained.
    """
    from localcollab.models.requantize import WORTH, RequantizeRequest, make
    from localcollab.terminal.status import Status

    status = Status()
    request = RequantizeRequest(
        model, type.upper(), name, 0.0 if anyway else WORTH, tuple(models or ())
    )
    found = make(request, status.show)
    status.clear()
    before, after = found.before, found.after
    print_line(
        f"prompts {before.prompt:,.0f} -> {after.prompt:,.0f} tokens/s ({found.gain:.2f}x), answers "
        f"{before.answer:,.1f} -> {after.answer:,.1f} tokens/s, {found.bytes_before / 1e6:,.0f} -> "
        f"{found.bytes_after / 1e6:,.0f} MB"
    )
    if found.path is None:
        print_line(f"not kept: {request.type} gains nothing here (--anyway keeps it)")
        raise typer.Exit(1)
    print_line(f"added {found.name}: {found.path}; {found.source} stays")


@app.command()
def pull(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A model or team of the catalogue, or owner/repository[:FILE or quantization]."
        ),
    ] = None,
    as_name: Annotated[
        str | None,
        typer.Option("--as", help="Name in the catalogue. Default: owner--repository."),
    ] = None,
    converter: Annotated[
        bool,
        typer.Option(
            "--converter", help="Download llama.cpp's converter, for localcollab convert."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Download even what does not fit into memory.")
    ] = False,
    models: Models = None,
) -> None:
    """Download files from their hub and check them.

    Of a repository it takes the Q4_K_M file, or the nearest to it, unless you name another. Only pull,
    update and docs embed minilm use the network.
    """
    from localcollab.catalog import load_catalog
    from localcollab.terminal.status import Status

    status = Status()
    if name is None and not converter:
        raise BadOption("nothing to pull: name a model or a team (localcollab models list)")
    if converter:
        from localcollab.models.converter import fetch_converter

        print_line(f"the converter is in {fetch_converter(status.note, status.show)}")
    if name is None:
        return
    from localcollab.models.offers import offer_line, plan_pull
    from localcollab.models.pull import fetch

    catalog = load_catalog(*(models or ()))
    plan = plan_pull(catalog, name, as_name=as_name, force=force)
    for entry in plan.present:
        print_line(f"{entry.name} is here already: {entry.path}")
    for offer in plan.offers:
        status.note(offer_line(offer))
        done = fetch(offer, status.note, status.show)
        status.clear()
        print_line(f"pulled {done.name}: {done.path} (sha256 {(done.sha256 or '')[:12]})")


@app.command()
def update(
    name: Annotated[
        str | None, typer.Argument(help="A pulled model. Default: every pulled model.")
    ] = None,
    models: Models = None,
) -> None:
    """Download the files that their hub has replaced since they were pulled.

    A file stays until the new one is verified. Exits with 1 if one of several could not be compared.
    """
    from localcollab.catalog import load_catalog
    from localcollab.models.offers import offer_line
    from localcollab.models.updates import fetch_update, find_updates
    from localcollab.terminal.status import Status

    status, catalogs, n_found, failed = Status(), tuple(models or ()), 0, False
    for found in find_updates(name, catalogs):
        n_found, failed = n_found + 1, failed or found.failed
        if found.offer is None:
            print_line(f"{found.entry.name}: {found.text}")
            continue
        status.note(offer_line(found.offer))
        done = fetch_update(load_catalog(*catalogs), found, status.note, status.show)
        status.clear()
        print_line(f"updated {done.name}: {done.path} (sha256 {(done.sha256 or '')[:12]})")
    if not n_found:
        print_line("no model was pulled yet (localcollab models pull)")
    if failed:
        raise typer.Exit(1)
