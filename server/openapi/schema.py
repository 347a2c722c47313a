"""The component schemas of /openapi.json, derived from the types that the answers are built with.

Requests and the operator's answers are pydantic models of this folder.
tests/server/openapi/test_document.py validates real answers against these schemas and refuses
fields that they do not name.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import get_original_bases, is_typeddict

from analysis import answer_types
from analysis.neurokit import variability_types
from server.openapi.operator_models import Examples, Health, Models, Root, ShortHealth
from server.openapi.problem_models import FailedRecord, Problem
from server.openapi.request_models import Record
from server.stages import classify_form, diagnosis_form, predict_form
from server.stages.response import Envelope

COMPONENT = "#/components/schemas/{model}"


# The answers as they are sent: what `analysis/` builds, and the envelope that the server adds.


class Analysis(answer_types.Analysis, Envelope):
    """Everything about one recording.

    A part that was not asked for is absent; a part that cannot be computed is null, and `warnings`
    gives the reason.
    """


class Embedding(answer_types.Embedding, Envelope):
    """One recording's embedding."""


class QualityAnswer(answer_types.QualityAnswer, Envelope):
    """The quality of one recording."""


class Prediction(predict_form.Prediction, Envelope):
    """/predict's answer."""


class Classification(classify_form.Classification, Envelope):
    """/classify's answer."""


DOCUMENTED: tuple[type, ...] = (
    Record,
    Analysis,
    Embedding,
    QualityAnswer,
    Prediction,
    Classification,
    diagnosis_form.DiagnosticReport,
    Problem,
    FailedRecord,
    Health,
    ShortHealth,
    Models,
    Examples,
    Root,
)


class _ShortForms(GenerateJsonSchema):
    """No title for each field, no `default: null`, and ["number", "null"] for a nullable type."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str) and "enum" not in inner:
            return {**inner, "type": [inner["type"], "null"]}
        return self.get_flattened_anyof([inner, {"type": "null"}])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def component_schemas() -> dict[str, Any]:
    """Return the JSON Schema of every documented type and of the types it refers to, by name."""
    _, document = TypeAdapter.json_schemas(
        [(kind, "validation", TypeAdapter(kind)) for kind in DOCUMENTED],
        ref_template=COMPONENT,
        schema_generator=_ShortForms,
    )
    schemas: dict[str, dict[str, Any]] = dict(sorted(document["$defs"].items()))
    for schema in schemas.values():
        schema.pop("title", None)
    for kind in _typed_dicts():
        if kind.__name__ in schemas:
            _describe(schemas[kind.__name__], kind)
    return schemas


def _typed_dicts() -> list[type]:
    """The TypedDicts that answers consist of; this module's replace those that they extend."""
    modules = (
        answer_types,
        variability_types,
        predict_form,
        classify_form,
        diagnosis_form,
        sys.modules[__name__],
    )
    return [kind for module in modules for kind in vars(module).values() if is_typeddict(kind)]


def _describe(schema: dict[str, Any], kind: type) -> None:
    """Add the field docstrings of a TypedDict to its schema; pydantic leaves inherited ones out."""
    for field, description in _field_docstrings(kind).items():
        schema["properties"][field]["description"] = description


def _field_docstrings(kind: type) -> dict[str, str]:
    """Return the docstring below each field of a TypedDict, inherited fields included."""
    found: dict[str, str] = {}
    for base in get_original_bases(kind):
        if is_typeddict(base):
            found |= _field_docstrings(base)
    return found | _module_docstrings(kind.__module__).get(kind.__name__, {})


@cache
def _module_docstrings(module: str) -> dict[str, dict[str, str]]:
    """Return the field docstrings of each class in a module's source: class -> field -> text."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {node.name: dict(_docstrings(node.body)) for node in classes}


def _docstrings(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield each annotated name whose next statement is a string, with that string on one line."""
    for statement, following in pairwise(body):
        match statement, following:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())
