"""The examples of errors are what a real server answers; each error is provoked."""

from __future__ import annotations

from typing import Any

import pytest

from errors import EcgError, public_errors
from server.openapi.error_examples import REQUEST_ID, problem_example
from tests.server.openapi.provoked import PAGE, page_with, provoke_all

WRITE_AGAIN = "write the examples again with python -m tests.server.openapi.provoked"


@pytest.fixture(scope="module")
def provoked() -> dict[str, Any]:
    return provoke_all()


@pytest.mark.timeout(600)
def test_every_error_is_provoked(provoked: dict[str, Any]) -> None:
    assert {code: problem["code"] for code, problem in provoked.items()} == {
        kind.code: kind.code for kind in public_errors()
    }


@pytest.mark.parametrize("kind", public_errors(), ids=lambda kind: kind.code)
def test_an_example_is_what_the_server_answers(
    provoked: dict[str, Any], kind: type[EcgError]
) -> None:
    answered = {**provoked[kind.code], "request_id": REQUEST_ID}
    assert problem_example(kind) == answered, WRITE_AGAIN
    assert (answered["status"], answered["title"]) == (kind.status, kind.title)
    assert answered["type"] == f"/docs/errors#{kind.code}"


def test_the_page_shows_the_same_examples(provoked: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with(provoked).rstrip("\n") + "\n", WRITE_AGAIN
