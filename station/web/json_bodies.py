"""Bodies of JSON that are an object with named fields."""

from __future__ import annotations

from typing import Annotated, TypeVar

import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request

from errors import BadType, MalformedBody
from station.names import NAME, NAME_RULE
from station.web.bodies import Bodies

Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
Body = TypeVar("Body", bound=BaseModel)


async def json_body(request: Request, bodies: Bodies, model: type[Body]) -> Body:
    """Return the body. Raises MalformedBody, BadType, and what Bodies raises."""
    async with bodies.body_of(request) as content:
        try:
            return model.model_validate(orjson.loads(content))
        except orjson.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise MalformedBody(f"body: no JSON at {where}") from None
        except ValidationError as error:
            raise _bad_type(error, model) from None


def _bad_type(error: ValidationError, model: type[BaseModel]) -> BadType:
    fault = error.errors(include_input=False, include_url=False)[0]
    is_name = fault["type"] == "string_pattern_mismatch"
    place = fault["loc"][0] if fault["loc"] else ""
    # A field that is not ours is the client's text.
    field = str(place) if place in model.model_fields else "body"
    return BadType(f"{field}: {NAME_RULE if is_name else fault['msg']}", loc=(field,))
