"""Errors as OpenAI's API writes them: a status and one object that names what is wrong."""

from collections.abc import Mapping

from localcollab.errors import (
    BadCatalog,
    BadOption,
    BadTemplate,
    ContextFull,
    LocalcollabError,
    NotSupported,
    UnknownCharacter,
)

_OF_THE_REQUEST = (BadOption, BadTemplate, ContextFull, UnknownCharacter, NotSupported)
_KINDS = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error",
}  # fmt: skip


class ApiError(Exception):
    """What a client is told. `code` is for programs, `param` the option that is wrong."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.headers = dict(headers or {})

    @property
    def kind(self) -> str:
        return _KINDS.get(
            self.status, "invalid_request_error" if self.status < 500 else "server_error"
        )

    def record(self) -> dict[str, object]:
        """The body of the response."""
        said = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return {"error": said}


def api_error(error: LocalcollabError) -> ApiError:
    """A library's error: the request's fault is a 400, everything else a 500."""
    message = " ".join(str(error).split())
    if isinstance(error, ContextFull):
        return ApiError(400, message, code="context_length_exceeded", param="messages")
    if isinstance(error, BadCatalog):
        return ApiError(404, message, code="model_not_found", param="model")
    if isinstance(error, _OF_THE_REQUEST):
        param = error.parameter if isinstance(error, BadOption) else None
        return ApiError(400, message, param=param)
    return ApiError(500, message)
