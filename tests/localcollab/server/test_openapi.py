"""The description of the API."""

from typing import Any

from starlette.routing import Route

from localcollab.server.openapi import POSTS, describe
from server_app import client_of, run


def test_every_route_is_described() -> None:
    async def ask() -> tuple[Any, set[str]]:
        async with client_of() as client:
            routes = (route for route in client.app.routes if isinstance(route, Route))
            paths = {route.path for route in routes if "POST" in (route.methods or ())}
            return (await client.get("/openapi.json")).json, paths

    said, paths = run(ask())
    assert said == describe()
    assert paths - {"/api/embeddings"} == set(POSTS)


def test_every_reference_is_defined() -> None:
    said = describe()
    known = said["components"]["schemas"]

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(references(each) for each in value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert {name.rsplit("/", 1)[1] for name in references(said)} <= known.keys()
    assert known["ChatBody"]["additionalProperties"] is False
