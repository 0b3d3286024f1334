"""What a person reads of a blend: candidates, their order, and what became of them."""

from collections.abc import Iterator, Sequence

from localcollab.blend.events import Answered, BlendEvent, Chosen, Ranked


def lines(event: BlendEvent) -> Iterator[str]:
    """What is told of an event on the way to a reply."""
    match event:
        case Answered(candidate, model, text, reason):
            cut = "" if reason in ("end", "stop_string") else f" [{reason}]"
            yield f"candidate {candidate} ({model}): {text.strip()}{cut}"
        case Ranked(ranker, ranks, doubts=doubts):
            for number, why in enumerate(doubts, 1):
                if why:
                    yield f"candidate {number} {why}: it loses to those that do not"
            names = [str(n) for n in range(1, len(ranks) + 1)]
            yield f"ranked by {ranker}: {order_text(ranks, names)}"
        case Chosen(None, fuser, why):
            yield f"fused by {fuser}" + (f" ({why})" if why else "")
        case Chosen(number, _, why):
            yield f"the reply is candidate {number}" + (f" ({why})" if why else "")


def order_text(ranks: Sequence[int], names: Sequence[str]) -> str:
    """Best first; identical ones are joined by =."""
    places: dict[int, list[str]] = {}
    for name, rank in zip(names, ranks, strict=True):
        places.setdefault(rank, []).append(name)
    return " > ".join(" = ".join(places[rank]) for rank in sorted(places))
