"""What is wrong with the keys of a user's settings: Textual passes over what it does not know."""

import difflib
from collections.abc import Collection, Mapping

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, Keys, key_to_character

_MODIFIERS = {"ctrl", "alt", "shift", "super", "hyper", "meta"}
_NAMES = {key.value for key in Keys} | set(REPLACED_KEYS)


def known_ids(app: type[DOMNode]) -> set[str]:
    """Of all bindings that the app and its screens have."""
    from localcollab_tui.screen import ChatScreen
    from localcollab_tui.screens.compare import CompareScreen
    from localcollab_tui.screens.sessions import SessionsScreen
    from localcollab_tui.screens.threshold import ThresholdScreen
    from localcollab_tui.widgets.composer import Composer
    from localcollab_tui.widgets.tokens import TokensView

    nodes = (app, ChatScreen, Composer, TokensView, CompareScreen, SessionsScreen, ThresholdScreen)
    bindings = [
        b for node in nodes for kind in node.__mro__ for b in vars(kind).get("BINDINGS", ())
    ]
    return {b.id for b in bindings if isinstance(b, Binding) and b.id}


def problems(keys: Mapping[str, str], known: Collection[str]) -> list[str]:
    """One line for each entry that would have no effect. `known`: the ids of all bindings."""
    found = [
        f"[keys] {id_!r} is no binding: is {_nearest(id_, known)!r} meant?"
        for id_ in keys
        if id_ not in known
    ]
    for id_, value in keys.items():
        wrong = [key for key in map(str.strip, value.split(",")) if not _is_key(key)]
        found += [f"[keys] {id_}: {key!r} is no key: write it as in ctrl+r or f3" for key in wrong]
    return found


def _nearest(id_: str, known: Collection[str]) -> str:
    return difflib.get_close_matches(id_, sorted(known), 1, cutoff=0.0)[0]


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+")
    is_named = key in _NAMES or last in _NAMES or len(last) == 1
    return set(modifiers) <= _MODIFIERS and (is_named or key_to_character(last) is not None)
