"""What a member is: verdict and sha256 of its file, of its adapter, of a whole team."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from localcollab.errors import BadOption
from localcollab.llama.adapter_probe import probe_adapter
from localcollab.llama.probe import Verdict, probe
from localcollab.progress import OnProgress
from localcollab.teams.plan import Member, TeamPlan


def probe_member(member: Member, on_progress: OnProgress | None = None) -> Verdict:
    """The verdict on its weights; the sha256 is of the adapted weights where it has an adapter."""
    if member.adapter is None:
        return probe(member.path, on_progress)
    verdict = probe_adapter(member.path, member.adapter, on_progress)
    from localcollab.llama.adapter import adapted_sha256

    return replace(verdict, sha256=adapted_sha256(verdict.sha256, member.adapter))


def member_sha256(
    member: Member | TeamPlan, verdict: Callable[[Member], Verdict] = probe_member
) -> str:
    """Of a file; of a team among the members, of everything that decides what it says.

    Raises `BadOption` where a file that was trained for such a team is missing.
    """
    if isinstance(member, Member):
        return verdict(member).sha256
    digest = hashlib.sha256()
    for part in member.members:
        digest.update(member_sha256(part, verdict).encode())
    for trained in filter(None, (member.head, member.trained)):
        if not trained.is_file():
            raise BadOption(
                f"{trained}: no such file: check the path, or train one for {member.name}"
            )
        digest.update(hashlib.sha256(trained.read_bytes()).digest())
    rule = (member.method, member.gate, member.threshold, member.compose, member.seed)
    digest.update(repr(rule).encode())
    return digest.hexdigest()
