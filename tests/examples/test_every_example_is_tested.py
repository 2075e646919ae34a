"""An example without a test is a promise that nobody keeps."""

from pathlib import Path


def test_every_example_has_a_test_of_its_name():
    here = Path(__file__).resolve().parent
    examples = {path.name for path in (here.parents[1] / "examples").glob("*.py")}
    assert len(examples) >= 10
    assert {f"test_{name}" for name in examples} <= {path.name for path in here.iterdir()}
