"""(c) The published style and (e) the export of states, both measured in a child process of convert.

The runtime never imports torch; without the convert extra, both are skipped with the reason.
"""

import importlib.util
import json
import statistics
from collections.abc import Mapping
from typing import Any

from localcollab.bench.figures import Figure, figure, skipped
from localcollab.bench.setting import Setting
from localcollab.bench.speed import forced_team, seconds_of, written
from localcollab.children.launch import run
from localcollab.children.limits import whole_machine
from localcollab.methods.deferral import DeferralTeam

RATE = 0.3
"""Forced deferral rate of (c): what a trained head asks for."""
_PUBLISHED = "team / published style"
_EXPORT = "export of states / llama.cpp's prompt speed"


def against_published(setting: Setting, n_rounds: int) -> Figure:
    """The same tokens by the same authors, everything re-read for every token, no cache."""
    reason = missing("torch", "transformers", "gguf")
    if reason:
        return skipped("vs_published_style", _PUBLISHED, reason)
    if not isinstance(setting.team.model, DeferralTeam):
        return skipped("vs_published_style", _PUBLISHED, "measured for deferral teams only")
    team = forced_team(setting, RATE)
    setting.forget()
    tokens, authors = written(team, setting)
    ours = [seconds_of(team, setting) for _ in range(n_rounds)]
    names = list(setting.team.members)
    request = {
        "files": [str(member.path) for member in setting.plan.files],
        "tokens": tokens,
        "n_prompt": len(setting.prompt),
        "authors": [names.index(author) for author in authors],
        "n_threads": setting.n_threads,
        "busy": setting.busy,
    }
    found = ask_child("localcollab_convert.bench.published_style", request)
    if "error" in found:
        return skipped("vs_published_style", _PUBLISHED, str(found["error"]))
    how = "" if found["n_measured"] == len(authors) else ", fitted to the prefix length"
    return figure(
        "vs_published_style", _PUBLISHED, [found["seconds"] / seconds for seconds in ours],
        f"transformers, {found['dtype']}: {found['seconds']:.1f} s for {len(authors)} tokens, "
        f"{found['n_measured']} measured{how}; ours {statistics.median(ours):.2f} s; "
        f"rate {RATE}", seconds_ours=statistics.median(ours), **found,
    )  # fmt: skip


def export_speed(setting: Setting, n_rounds: int) -> Figure:
    """As `convert head` reads a conversation: the answer's states and the gold tokens' log-probs."""
    reason = missing("torch", "safetensors")
    if reason:
        return skipped("export_vs_prompt", _EXPORT, reason)
    tokens, _ = written(setting.team.base, setting)
    request = {
        "file": str(setting.plan.first.path),
        "tokens": tokens,
        "n_prompt": len(setting.prompt),
        "n_ctx": setting.options.n_ctx,
        "busy": setting.busy,
        "n_rounds": n_rounds,
    }
    found = ask_child("localcollab_convert.bench.export_speed", request)
    if "error" in found:
        return skipped("export_vs_prompt", _EXPORT, str(found["error"]))
    return figure(
        "export_vs_prompt", _EXPORT, found["ratios"],
        f"llama.cpp: {found['bare_tokens_per_second']:.0f} tokens/s", **found,
    )  # fmt: skip


def missing(*packages: str) -> str | None:
    """Why the child cannot run here; None: it can."""
    names = ("localcollab_convert", *packages)
    lacking = [name for name in names if importlib.util.find_spec(name) is None]
    if not lacking:
        return None
    return f"{lacking[0]} is not installed: pip install 'localcollab[convert]'"


def ask_child(module: str, request: Mapping[str, object]) -> dict[str, Any]:
    """A JSON object in, a JSON object out; {"error": ...} if the child failed."""
    ended = run(module, limits=whole_machine(reserves=True), given=json.dumps(request))
    if ended.code:
        last = (ended.err.strip().splitlines() or [f"it {ended.words}"])[-1]
        return {"error": last[:300]}
    found: dict[str, Any] = json.loads(ended.out.splitlines()[-1])
    return found
