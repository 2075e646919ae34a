"""A test with the parameter `expression` or `statement` runs once for each case of them."""

import pytest
from expression_cases import Case, all_texts


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for parameter in ("expression", "statement"):
        if parameter in metafunc.fixturenames:
            metafunc.parametrize(parameter, all_texts(parameter == "statement"))


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """The case that this test is about."""
    arguments = request.node.callspec.params
    if "statement" in arguments:
        return Case(arguments["statement"], statement=True)
    return Case(arguments["expression"])
