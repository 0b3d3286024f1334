"""(f) Peak resident memory / (weights + KV cache), of a process that opens the team and answers once."""

import json
import sys

from localcollab.bench.figures import Figure, figure, skipped
from localcollab.bench.setting import N_ANSWER, N_PROMPT, choose_options, llama_of, make_prompt
from localcollab.bench.startup import TeamArguments, parse_team
from localcollab.children.launch import run
from localcollab.children.limits import whole_machine
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.llama.machine import peak_rss_bytes
from localcollab.teams.open import open_team
from localcollab.teams.plan import TeamPlan

_LABEL = "peak memory / (weights + cache)"
_KV_BYTES = 2  # f16, as opened by default


def peak_memory(team: TeamArguments) -> Figure:
    files = [member.path for member in team.plan().files]
    ended = run("localcollab.bench.memory", team.words(), limits=whole_machine(files))
    if ended.code:
        said = (ended.err.strip().splitlines() or [f"it {ended.words}"])[-1]
        return skipped("rss_ratio", _LABEL, said)
    found = json.loads(ended.out)
    mib = {name: f"{value / 2**20:.0f} MiB" for name, value in found.items()}
    return figure(
        "rss_ratio", _LABEL, [found["peak"] / (found["weights"] + found["cache"])],
        f"{mib['peak']} peak; {mib['weights']} weights, {mib['cache']} cache", **found,
    )  # fmt: skip


def measure(plan: TeamPlan) -> dict[str, int]:
    """Every member reads the prompt, the team writes the answer."""
    team = open_team(plan, choose_options(plan))
    prompt = make_prompt(team.base.vocabulary)
    for member in team.members.values():
        member.read(prompt, last=0)
    assert len(prompt) == N_PROMPT
    for _event in generate(team.model, prompt, limits=Limits(max_tokens=N_ANSWER)):
        pass
    # Members of one file share its weights.
    files = {id(llama_of(m).weights): llama_of(m).weights for m in team.members.values()}
    cache = sum(
        llama_of(m).n_ctx * llama_of(m).weights.kv_bytes_per_token(_KV_BYTES)
        for m in team.members.values()
    )
    weights = sum(found.size_bytes for found in files.values())
    return {"peak": peak_rss_bytes(), "weights": weights, "cache": cache}


if __name__ == "__main__":
    print(json.dumps(measure(parse_team(sys.argv[1:]).plan())))
