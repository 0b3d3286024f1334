"""Checks a models.toml against `schema`, and reports the first fault in one line with a remedy.

pydantic is imported by these two modules only, and only for files that are not known to be sound.
"""

import difflib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from localcollab.catalog.entries import Fault
from localcollab.catalog.methods import named_method
from localcollab.catalog.schema import (
    TEAM_TABLES,
    CatalogTable,
    EvidenceTable,
    FamiliarTable,
    ModelTable,
    SamplingTable,
    Table,
    TrainedTable,
    VerifiedTable,
)
from localcollab.errors import BadCatalog

_MAX_SHOWN = 60


_TABLES: dict[str, type[Table]] = {
    "models": ModelTable,
    "heads": TrainedTable,
    "bridges": TrainedTable,
    "mixtures": TrainedTable,
}
_METHODS = ", ".join(f'"{name}"' for name in TEAM_TABLES)
_REMEDIES = {
    "path": "give the path of a file",
    "repository": 'write it as "owner/name"',
    "package": "give the name that Python imports the package by",
    "file": "give a relative path inside the repository or package",
    "default": "give the name of a team or a model",
    "isolated": "write true or false",
    "worker": 'write it as "HOST:PORT", or the name of one of [workers]',
    "workers": 'make it a table, as desk = "10.0.0.2:50052" under [workers]',
    "sha256": "give 64 lower-case hexadecimal digits",
    "size_bytes": "give a whole number above 0",
    "parameters": "give a whole number above 0",
    "n_ctx": "give a whole number above 0",
    "kv_bytes_per_token": "give a whole number above 0",
    "memory_gb": "give a whole number above 0",
    "checked": "write true or false",
    "compose": "write true or false",
    "method": f"write one of {_METHODS}",
    "experts": "they must be names of models, in a list",
    "models": "make it a table of tables",
    "heads": "make it a table of tables",
    "bridges": "make it a table of tables",
    "mixtures": "make it a table of tables",
    "teams": "make it a table of tables",
    "members": "they must be names of models, in a list",
    "weights": "give a list of numbers of 0 or more, one for each member",
    "space": 'write "probability" or "log"',
    "alpha": "give a number from -1000 to 1000",
    "beta": "give a number from -1000 to 1000",
    "cut": "give a number above 0 and at most 1",
    "ranker": "write longest, vote, likelihood, judge(MODEL), ... in quotes",
    "samples": "give a whole number above 0",
    "temperature": "give a number from 0 to 100",
    "aggregation": 'write "max_logits", "max_wins" or "bubble"',
    "top_k": "give a whole number of 2 or more",
    "verify": "write true or false",
    "second_thoughts": "write true or false",
    "speculation": "write true or false",
    "sampling": "make it a table, as { temperature = 0.3 }",
    "threads": "give a whole number from 1 to 1024",
    "max_tokens": "give a whole number above 0",
    "stop": 'give a list of texts, as ["\\n"]',
    "prompt": 'write "base" or "own"',
    "evidence": "remove the table, and run localcollab tune again",
    "threshold": "give a number from 0 to 1",
    "least_logprob": "give nats, a number below 0",
    "familiar": "make it tables, one for each expert",
    "against": "give 64 lower-case hexadecimal digits",
    "date": 'write it as "2026-01-31"',
    "same_tokenizer": "write true or false",
    "kl": "give nats, a number of 0 or more",
    "same_top1": "give a share, from 0 to 1",
    "perplexity_change": "give a share, 0.01 for one percent more",
    "n_tokens": "give a whole number above 0",
}


def check(path: Path, tables: dict[str, Any]) -> None:
    """Raises `BadCatalog` with the first fault: file, table, key, and what to do."""
    fault = _fault(tables)
    if fault:
        raise BadCatalog(f"{path}: {fault}")


def sound(path: Path, tables: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The entries without a fault, and what is wrong with each of the others."""
    kept: dict[str, Any] = {}
    faults = []
    for kind, entries in tables.items():
        if kind == "default" or kind not in CatalogTable.model_fields:
            fault = _fault({kind: entries})
        else:
            fault = None if isinstance(entries, dict) else _fault({kind: entries})
        if fault:
            faults.append(Fault(kind, "", f"{path}: {fault}"))
            continue
        if kind == "default":
            kept[kind] = entries
            continue
        kept[kind] = {}
        for name, table in entries.items():
            if fault := _fault({kind: {name: table}}):
                faults.append(Fault(kind, name, f"{path}: {fault}"))
            else:
                kept[kind][name] = table
    return kept, faults


def _fault(tables: dict[str, Any]) -> str | None:
    """The first one."""
    try:
        checked = CatalogTable.model_validate(_with_methods(tables))
    except ValidationError as error:
        return _sentence(error.errors(include_url=False, include_context=False)[0])
    for kind, entries in (("models", checked.models), ("teams", checked.teams)):
        for name, table in entries.items():
            if fault := table.fault():
                return f"[{kind}.{name}] {fault}"
    return None


def _with_methods(tables: dict[str, Any]) -> dict[str, Any]:
    """With the method of each team of one, which may be left out."""
    teams = tables.get("teams")
    if not isinstance(teams, dict):
        return tables
    named = {
        name: {**table, "method": method}
        if isinstance(table, dict) and (method := named_method(table)) is not None
        else table
        for name, table in teams.items()
    }
    return {**tables, "teams": named}


def _sentence(error: Any) -> str:
    kind, loc = error["type"], tuple(str(part) for part in error["loc"])
    method = None
    if loc[:1] == ("teams",) and len(loc) > 2:
        # pydantic puts the method after the team's name.
        method, loc = loc[2], (*loc[:2], *loc[3:])
    table, key = _place(loc)
    if kind == "extra_forbidden":
        return f"{table} has the unknown key {key!r}: {_suggestion(loc, method)}"
    if kind in ("missing", "union_tag_not_found"):
        return f"{table} lacks the key {key or 'method'!r}: add it"
    if kind == "union_tag_invalid":
        value = _shown(error["input"]["method"])
        return f"{table} method is {value}: {_REMEDIES['method']}"
    value = _shown(error["input"])
    if loc[:1] == ("workers",) and len(loc) == 2:
        return f'[workers] {loc[1]} is {value}: write it as "HOST:PORT", as "10.0.0.2:50052"'
    if not key:
        return f"{table} is {value}: make it a table"
    name = key.split(".")[0]
    return f"{table} {key} is {value}: {_REMEDIES.get(name, 'give a text in quotes')}"


def _place(loc: tuple[str, ...]) -> tuple[str, str]:
    """The table as written in TOML, and the key inside it; "" if the table itself is wrong."""
    if not loc:
        return "the whole", ""
    if loc[0] not in CatalogTable.model_fields:
        return "the file", loc[0]
    if len(loc) == 1:
        return "the file's", loc[0]
    if loc[0] == "teams" and loc[2:3] == ("familiar",) and len(loc) >= 4:
        return f"[{'.'.join(loc[:4])}]", ".".join(loc[4:])
    if loc[2:3] in (("verified",), ("sampling",), ("evidence",)) and len(loc) > 3:
        return f"[{'.'.join(loc[:3])}]", ".".join(loc[3:])
    return f"[{loc[0]}.{loc[1]}]", ".".join(loc[2:])


def _suggestion(loc: tuple[str, ...], method: str | None) -> str:
    known = _known(loc, method)
    near = difflib.get_close_matches(loc[-1].lower(), known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    if method is not None and any(loc[-1] in t.model_fields for t in TEAM_TABLES.values()):
        return f'method = "{method}" does not use it; remove it'
    return f"use one of {', '.join(known)}"


def _known(loc: tuple[str, ...], method: str | None) -> list[str]:
    """The keys that are allowed where `loc` ends."""
    if len(loc) == 1:
        return list(CatalogTable.model_fields)
    if len(loc) > 3:
        inner: dict[str, type[Table]] = {
            "verified": VerifiedTable,
            "sampling": SamplingTable,
            "evidence": EvidenceTable,
        }
        return list(inner.get(loc[2], FamiliarTable).model_fields)
    table = _TABLES[loc[0]] if method is None else TEAM_TABLES[method]
    return list(table.model_fields)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
