"""Completes the OpenAPI document: every operation lists the errors that middleware and handlers can answer with."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from backend.api.schemas import ProblemView
from backend.http.problems import MEDIA_TYPE

DESCRIPTION = """
Train Disentangled World Models and see what each latent dimension means.

Errors are `application/problem+json` (RFC 9457): `errors[].pointer` says where, `remedy` what to do.
"""
_REASONS = {
    400: "Not JSON, or a key appears twice.",
    401: "The token is missing or wrong.",
    403: "The Host or Origin is not allowed.",
    404: "Not found.",
    405: "The method is not allowed here.",
    408: "The body did not arrive in time.",
    409: "The current state of the resource does not allow this.",
    413: "The body is too large.",
    415: "The body's type is not accepted here.",
    422: "An input is wrong; `errors` says which.",
    500: "A defect of the server.",
    503: "Too busy, or out of memory: try again after Retry-After seconds.",
    507: "The disk is full.",
}
_EVERYWHERE = (401, 403, 405, 422, 500, 503)
_WITH_BODY = (400, 408, 413, 415, 507)
_METHODS = {"get", "put", "post", "delete", "patch"}


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """`app.openapi` that adds the problem answers once and caches the document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(
                get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
            )
        return app.openapi_schema

    return openapi


def problem_response(reason: str) -> dict[str, Any]:
    """A response object of the document for one refusal."""
    return {"description": reason, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def files(*media_types: str, description: str = "The file, or JSON.") -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that answers with files, and with 304 if the client has them."""
    return {
        200: {"description": description, "content": {media_type: {} for media_type in media_types}},
        304: {"description": "`If-None-Match` names the ETag of the answer."},
    }


def multipart(
    field: str, *, many: bool, required_name: bool = False, fields: dict[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """`openapi_extra=` of a route that parses a form itself; `fields` are its additional ones."""
    binary = {"type": "string", "format": "binary"}
    value = {"type": "array", "items": binary, "minItems": 1} if many else binary
    properties = {field: value, "name": {"type": "string", "maxLength": 200}, **(fields or {})}
    required = [field, "name"] if required_name else [field]
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route for its own refusals (404, 406, 409)."""
    reasons = {**_REASONS, 406: "There is no such format."}
    return {status: problem_response(reasons[status]) for status in statuses}


def _with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                _complete(operation, path, method)
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    view = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(view.pop("$defs", {}))
    schemas["Problem"] = view
    return schema


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    responses = operation.setdefault("responses", {})
    statuses = set(_EVERYWHERE)
    if method != "get":
        statuses |= set(_WITH_BODY)
    if "{" in path:
        statuses.add(404)
    for status in sorted(statuses):
        declared = responses.get(str(status), {})
        if MEDIA_TYPE not in declared.get("content", {}):
            responses[str(status)] = problem_response(_REASONS[status])
