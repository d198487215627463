"""The API's own description: OpenAPI 3.1, and Swagger UI served from here."""

from pathlib import Path
from typing import Any, Final, cast

import flask_openapi3_swagger
from apiflask import APIBlueprint, APIFlask
from flask import Response, render_template, send_from_directory
from flask.sansio.blueprints import BlueprintSetupState

UI: Final = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"
FILES: Final = frozenset({"css/swagger-ui.css", "js/swagger-ui-bundle.js", "js/swagger-ui-standalone-preset.js"})
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets styles inline and draws with data: images, so this page alone has a laxer policy."""
TEXT: Final = (
    "Shipments in, incidents out, and every deed of the console. Money is text such as 180.00, times carry their "
    "offset, lists go on at `next_cursor`, every error is a problem document with one sentence in `detail`. A POST "
    "with an `Idempotency-Key` acts once: the same request again gets the same answer."
)
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
KEY: Final = {"type": "http", "scheme": "bearer", "description": "A key made by `flask apikeys add NAME`."}
ONCE: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and request again gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}
ALWAYS: Final = {"400": "Malformed", "401": "No key that is known", "500": "Our fault"}
ON_POST: Final = {
    "409": "Not in this state, or still being answered",
    "413": "Larger than 1 MB",
    "415": "Not JSON",
    "422": "Refused: `detail` says why",
}

docs = APIBlueprint("api_docs", __name__, url_prefix="/api", enable_openapi=False)


def describe(state: BlueprintSetupState) -> None:
    """Tell the application that the API comes to what its description says, and give it the page of Swagger UI."""
    app = cast(APIFlask, state.app)
    app.config.update(DESCRIPTION=TEXT, SECURITY_SCHEMES={"key": KEY}, AUTO_SERVERS=False, AUTO_OPERATION_ID=True)
    app.spec_processor(_finish)
    app.register_blueprint(docs)


def _finish(spec: dict[str, Any] | str) -> dict[str, Any] | str:
    """What the generator cannot know: errors, the key, which bodies are required, and no pages for people."""
    assert isinstance(spec, dict)
    spec["paths"] = {path: told for path, told in spec["paths"].items() if path.startswith("/api/v1/")}
    spec["security"] = [{"key": []}]
    schemas = spec["components"]["schemas"]
    schemas["Problem"] = PROBLEM
    for name in ("HTTPError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation, schemas)
    spec["tags"] = [{"name": name} for name in sorted({_noun(path) for path in spec["paths"]})]
    return spec


def _noun(path: str) -> str:
    return path.split("/")[3]


def _complete(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    operation["tags"] = [_noun(path)]
    posted = method == "post"
    errors = ALWAYS | ({"404": "There is no such thing"} if "{" in path else {}) | (ON_POST if posted else {})
    if operation["parameters"] and not posted:
        errors = errors | {"422": "A parameter is refused"}
    for status, meaning in errors.items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        operation["responses"][status] = {"description": meaning, "content": content}
    if posted:
        operation["parameters"] = [*operation["parameters"], ONCE]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        operation["requestBody"]["required"] = bool(schemas[schema["$ref"].rpartition("/")[2]].get("required"))


@docs.get("/docs")
def ui() -> Response:
    """The description, for people, with a form to try each request."""
    return Response(render_template("api/docs.html"), headers={"Content-Security-Policy": POLICY})


@docs.get("/docs/start.js")
def start() -> Response:
    """What starts Swagger UI: a file of its own, for no script stands in a page."""
    return send_from_directory(Path(__file__).parent, "start.js", mimetype="text/javascript")


@docs.get("/docs/<path:name>")
def file(name: str) -> Response:
    """A file of Swagger UI."""
    if name not in FILES:
        return Response(status=404)
    return send_from_directory(UI, name)
