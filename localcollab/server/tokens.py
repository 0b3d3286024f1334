"""POST /tokenize and /detokenize, as llama.cpp's server has them."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcollab.server.asking import require_known
from localcollab.server.bodies import DetokenizeBody, TokenizeBody
from localcollab.server.serving import body_of, serving_of
from localcollab.vocabulary import Vocabulary


async def tokenize(request: Request) -> Response:
    body, headers = await body_of(request, TokenizeBody)
    serving = serving_of(request)
    async with serving.shelf.lease(body.model) as served:
        vocabulary = served.team.model.vocabulary
        tokens = await serving.in_executor(
            lambda: vocabulary.encode(
                body.content,
                special=body.parse_special is not False,
                bos=bool(body.add_special),
            )
        )
    pieces = [_piece(vocabulary, token) for token in tokens] if body.with_pieces else tokens
    return JSONResponse({"tokens": pieces}, headers=headers)


def _piece(vocabulary: Vocabulary, token: int) -> dict[str, object]:
    """Its text, or its bytes where they are a part of a character."""
    data = vocabulary.piece(token)
    try:
        return {"id": token, "piece": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"id": token, "piece": list(data)}


async def detokenize(request: Request) -> Response:
    body, headers = await body_of(request, DetokenizeBody)
    serving = serving_of(request)
    async with serving.shelf.lease(body.model) as served:
        vocabulary = served.team.model.vocabulary
        require_known(vocabulary, body.tokens, "tokens")
        text = await serving.in_executor(lambda: vocabulary.decode(body.tokens))
    return JSONResponse({"content": text}, headers=headers)
