"""A process that opens a team, reads one whole micro-batch with every member, and says its peak.

`python tests/peak_memory.py '{"base": FILE, "experts": [FILE], "adapter": FILE or null, "options": {}}'`
"""

import json
import sys
from pathlib import Path

from localcollab.assembly import OpenTeam, open_team, plan_from_files
from localcollab.bench.memory import peak_rss_bytes
from localcollab.llama.context import LlamaModel
from localcollab.llama.options import Options


def main(base: str, experts: list[str], adapter: str | None, options: dict[str, object]) -> int:
    chosen = Options(**options)  # type: ignore[arg-type]
    team = open_team(plan_from_files(Path(base), [Path(e) for e in experts]), chosen)
    kept = _apply(team, adapter, chosen) if adapter else None
    tokens = [3 + n % 200 for n in range(chosen.n_ubatch + 1)]
    for member in [*team.members.values(), *([kept] if kept else [])]:
        member.read(tokens, hidden=True)
    if experts:
        team.model.read([*tokens, 5])
    return peak_rss_bytes()


def _apply(team: OpenTeam, adapter: str, options: Options) -> LlamaModel:
    """A second context on the base's weights, with the adapter."""
    import ctypes

    import llama_cpp.llama_cpp as api

    base = team.base
    assert isinstance(base, LlamaModel)
    adapted = LlamaModel(base.weights, options, name="adapted")
    pointer = api.llama_adapter_lora_init(base.weights.pointer, adapter.encode())
    assert pointer
    pointers, scales = (api.llama_adapter_lora_p_ctypes * 1)(pointer), (ctypes.c_float * 1)(1.0)
    assert api.llama_set_adapters_lora(adapted._context, pointers, 1, scales) == 0
    return adapted


if __name__ == "__main__":
    print(main(**json.loads(sys.argv[1])))
