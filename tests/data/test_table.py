"""CSV files: numbers, categories, what is missing and what is wrong."""

from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import CSVDataset
from chainrule.errors import ArgumentError, DataError
from chainrule.utils.data import DataLoader

TABULAR = Path(__file__).parents[3] / "shared" / "data" / "tabular"
PETS = """\
age,kind,weight,name
3,cat,4.5,Tom
10,dog,30,"Smith, Rex"
5,cat,5.5,Kit
"""


@pytest.fixture
def write(tmp_path):
    def file(text: str | bytes, name: str = "a.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return file


def rows(data: CSVDataset) -> list:
    return data.tensors[0].tolist()


def test_numbers_and_categories(write):
    data = CSVDataset(write(PETS), target="kind", columns=["age", "weight"])
    assert data.feature_names == ["age", "weight"] and data.classes == ["cat", "dog"]
    assert rows(data) == [[3, 4.5], [10, 30], [5, 5.5]]
    assert data.tensors[0].dtype is cr.float32 and data.tensors[1].dtype is cr.int64
    x, y = next(iter(DataLoader(data, 3)))
    assert x.shape == (3, 2) and y.tolist() == [0, 1, 0]


def test_a_category_is_one_feature_for_each_value(write):
    data = CSVDataset(write(PETS), "weight", columns=["kind", "age"])
    assert data.feature_names == ["kind=cat", "kind=dog", "age"] and data.classes is None
    assert rows(data) == [[1, 0, 3], [0, 1, 10], [1, 0, 5]]
    assert data.tensors[1].tolist() == [4.5, 30, 5.5]
    assert data.tensors[1].dtype is cr.float32


def test_without_a_target_all_columns_are_features(write):
    data = CSVDataset(write("a,b\n1,2\n3,4\n"))
    assert len(data) == 2 and data[1][0].tolist() == [3, 4] and len(data[1]) == 1


@pytest.mark.parametrize(
    ("text", "options", "names"),
    [
        ("1,2\n3,4\n", {}, ["0", "1"]),
        ("a,b\n3,4\n", {}, ["a", "b"]),
        ("a,b\nc,d\n", {}, ["a=c", "b=d"]),
        ("a,b\nc,d\n", {"header": False}, ["0=a", "0=c", "1=b", "1=d"]),
        ("2020,2021\n3,4\n", {"header": True}, ["2020", "2021"]),
        ("a,a\nb,c\n", {}, ["0=a", "0=b", "1=a", "1=c"]),
        ("\ufeffa;b\r\n1;2\r\n\r\n", {"delimiter": ";"}, ["a", "b"]),
        (" a , b \n 1 , 2 \n", {}, ["a", "b"]),
    ],
)
def test_headers_are_found(write, text, options, names):
    assert CSVDataset(write(text), **options).feature_names == names


def test_numbers_that_are_names(write):
    data = CSVDataset(write("zip,y\n10,0\n9,1\n10,1\n"), "y", categorical=["zip", "y"])
    assert data.feature_names == ["zip=9", "zip=10"] and data.classes == ["0", "1"]
    assert rows(data) == [[0, 1], [1, 0], [0, 1]]


def test_columns_by_position(write):
    data = CSVDataset(write("1,2,x\n3,4,y\n"), target=-1, columns=[1])
    assert rows(data) == [[2], [4]] and data.classes == ["x", "y"]


GAPS = "a,b,y\n1,p,0\n?,q,1\n3,,0\n5,p,NA\n"


def test_rows_with_gaps_are_dropped_or_filled(write):
    dropped = CSVDataset(write(GAPS), "y", missing="drop")
    assert rows(dropped) == [[1, 1]] and dropped.feature_names == ["a", "b=p"]
    filled = CSVDataset(write(GAPS), "y", missing="fill")
    assert rows(filled) == [[1, 1, 0], [2, 0, 1], [3, 0, 0]]
    assert filled.tensors[1].tolist() == [0, 1, 0]


def test_numbers_are_standardized(write):
    data = CSVDataset(write("a,b\n1,7\n3,7\n5,7\n"), standardize=True)
    np.testing.assert_allclose(rows(data), [[-(1.5**0.5), 0], [0, 0], [1.5**0.5, 0]], atol=1e-6)


def test_what_was_fitted_holds_for_another_file(write):
    train = CSVDataset(write(PETS), "kind", columns=["weight", "age"], standardize=True)
    other = write("kind,extra,age,weight\ndog,1,6,?\n", "b.csv")
    test = CSVDataset(other, "kind", missing="fill", like=train)
    assert test.tensors[1].tolist() == [1] and test.feature_names == train.feature_names
    mean, std = np.mean([3, 10, 5]), np.std([3, 10, 5])
    np.testing.assert_allclose(rows(test), [[0, (6 - mean) / std]], atol=1e-6)
    with pytest.raises(DataError, match=r"CR744.*line 2.*'fish' is none of.*cat, dog"):
        CSVDataset(write("kind,age,weight\nfish,6,1\n", "c.csv"), "kind", like=train)


MALFORMED = {
    "empty": ("", {}, "CR742.*no rows"),
    "blank": ("\n\n", {}, "CR742.*no rows"),
    "short row": ("a,b\n1,2\n3\n", {}, "CR743.*line 3: 1 cells, where 2"),
    "long row": ("a,b\n1,2,3\n", {}, "CR743.*line 2: 3 cells"),
    "short after a quoted line end": ('a,b\n"x\ny",2\n3\n', {}, "CR743.*line 4"),
    "open quote": ('a,b\n"1,2\n3,4\n', {}, "CR742.*quote"),
    "text after a quote": ('a,b\n"1"x,2\n', {}, "CR742.*line 2"),
    "not UTF-8": (b"a,b\n1,\xff\n", {}, "CR742.*line 2: no UTF-8"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), {}, "CR742.*no UTF-8"),
    "name twice": ("a,a\n1,2\n", {"header": True}, "CR742.*a more than once"),
    "a word among numbers": ("a\n1\n2\nthree\n", {}, "CR744.*line 4, column 'a'.*'three'"),
    "infinity": ("a\n1\n2\ninf\n", {}, "CR744.*line 4.*'inf'"),
    "missing": ("a,b\n1,2\n3,\n", {}, "CR744.*line 3, column 'b': '' is missing"),
    "missing target": ("a,b\n1,2\n3,?\n", {"target": "b"}, "CR744.*line 3, column 'b'"),
    "a word as target": ("a,y\n1,2\n3,4\n5,z\n", {"target": "y"}, "CR744.*column 'y': 'z'"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_files(write, case):
    text, options, message = MALFORMED[case]
    with pytest.raises(DataError, match=f"(?s){message}"):
        CSVDataset(write(text), **options)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"CR742.*No such file"):
        CSVDataset(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "height"}, "no column 'height'; its columns are age, kind"),
        ({"target": 4}, "no column 4"),
        ({"columns": ["age", "x"]}, "no column 'x'"),
        ({"categorical": ["x"]}, "no column 'x'"),
        ({"missing": "guess"}, "'guess'.*error, drop, fill"),
    ],
)
def test_columns_and_options_that_are_not_there(write, options, message):
    with pytest.raises(ArgumentError, match=f"CR745.*{message}"):
        CSVDataset(write(PETS), **options)


@pytest.mark.parametrize(
    ("name", "options", "n", "d"),
    [
        ("penguins.csv", {"target": "species", "missing": "fill"}, 344, 9),
        ("iris.csv", {"target": "species"}, 150, 4),
        ("titanic.csv", {"target": "survived", "missing": "drop"}, 182, 32),
        ("tips.csv", {"target": "tip"}, 244, 12),
    ],
)
def test_real_tables(name, options, n, d):
    if not (TABULAR / name).exists():
        pytest.skip(f"needs the real table {name} beside the project")
    data = CSVDataset(TABULAR / name, **options)
    assert data.tensors[0].shape == (n, d)
    assert np.isfinite(data.tensors[0].numpy()).all()
