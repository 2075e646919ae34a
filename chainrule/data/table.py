"""Tables in CSV files: numbers and categories, with one column to predict."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chainrule.data.dataset import TensorDataset
from chainrule.errors import ArgumentError, DataError
from chainrule.tensor.creation import from_numpy

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null", "None")
HANDLINGS = ("error", "drop", "fill")
MOST_CATEGORIES = 1000  # of a feature; each takes a column of numbers


class Column(NamedTuple):
    """How the cells of a column become numbers.

    Numbers: `mean` stands where none is, and then (x - mean) / scale. Categories: position in
    `categories`.
    """

    name: str
    categories: list[str] | None
    mean: float = 0.0
    scale: float = 1.0


class CSVDataset(TensorDataset):
    """The rows of a CSV file: sample i is (features, target), or (features,) without a target.

    Numbers become one feature each, categories one feature per category (1 for its own, else
    0). A target of numbers is float32, one of categories the position of its class, int64.

    Shapes: features (d,), target ()

    Args:
        path: the file, UTF-8.
        target: the column to predict, by name or position (-1 is the last).
        columns: the columns that are features; all others but the target if None.
        categorical: columns whose numbers are names, a postal code or a class for instance.
        header: whether the first row has names; None looks: it has where its cells are all
            different, none is a number, and it is not the only row.
        delimiter: what stands between cells.
        missing_values: cells that mean that nothing is known; spaces around cells never count.
        missing: "error"; "drop" leaves such rows out; "fill" puts the column's mean for a
            number and no category for a category (a target is never filled: its row is left
            out).
        standardize: bring numeric features to mean 0 and standard deviation 1.
        like: another CSVDataset whose categories, means and scales count: what was fitted on
            the training file must hold for the test file.

    Raises: DataError for a file that cannot be read (CR742), a row with too few or too many
    cells (CR743), a cell that is missing, no number or no known category, or a feature of more
    than 1,000 categories (CR744); ArgumentError (CR745) for columns that are not there.

    Example:
        >>> _ = Path("iris.csv").write_text("width,kind\\n0.2,setosa\\n1.4,versicolor\\n")
        >>> irises = CSVDataset("iris.csv", target="kind")
        >>> irises[1]
        (tensor([1.4000]), tensor(1))
        >>> irises.feature_names, irises.classes
        (['width'], ['setosa', 'versicolor'])
    """

    def __init__(
        self,
        path: str | Path,
        target: str | int | None = None,
        *,
        columns: Sequence[str | int] | None = None,
        categorical: Sequence[str | int] = (),
        header: bool | None = None,
        delimiter: str = ",",
        missing_values: Sequence[str] = MISSING,
        missing: str = "error",
        standardize: bool = False,
        like: CSVDataset | None = None,
    ) -> None:
        if missing not in HANDLINGS:
            raise ArgumentError(
                "CR745", f"missing={missing!r}; give one of {', '.join(HANDLINGS)}"
            )
        if len(delimiter) != 1:
            raise ArgumentError("CR745", f"delimiter={delimiter!r}; give one character")
        table = _Table(Path(path), header, delimiter, frozenset(missing_values))
        columns = [c.name for c in like.columns] if like else columns
        named = [table.position(name) for name in categorical]
        goal = None if target is None else table.position(target)
        chosen = range(len(table.names)) if columns is None else map(table.position, columns)
        features = [i for i in chosen if i != goal]
        keep = table.rows_to_keep(features, goal, missing)
        self.columns: list[Column] = (
            like.columns if like else table.fitted(features, named, keep, standardize)
        )
        blocks = [table.encoded(i, c, keep) for i, c in zip(features, self.columns)]
        x = np.concatenate([np.empty((len(keep), 0)), *blocks], 1).astype(np.float32)
        self.feature_names = [name for c in self.columns for name in _feature_names(c)]
        self.target_column: Column | None = None
        if goal is None:
            super().__init__(from_numpy(x))
            return
        kind = like.target_column if like else None
        self.target_column = kind or table.fitted([goal], named, keep, False)[0]
        super().__init__(
            from_numpy(x), from_numpy(table.target(goal, self.target_column, keep))
        )

    @property
    def classes(self) -> list[str] | None:
        """The names of the target's classes; None for a target of numbers."""
        return self.target_column.categories if self.target_column else None


def _feature_names(column: Column) -> list[str]:
    """The names of the features that a column becomes."""
    if column.categories is None:
        return [column.name]
    return [f"{column.name}={category}" for category in column.categories]


class _Table:
    """The cells of a file, with the line that each row stands in."""

    def __init__(
        self, path: Path, header: bool | None, delimiter: str, missing: frozenset[str]
    ) -> None:
        self.path = path
        self.missing = missing
        rows = _rows(path, delimiter)
        if not rows:
            raise DataError("CR742", f"{path} has no rows")
        first = rows[0][1]
        if _is_header(rows, missing) if header is None else header:
            rows = rows[1:]
            self.names = first
        else:
            self.names = [str(i) for i in range(len(first))]
        self._check_names(first)
        for line, cells in rows:
            if len(cells) != len(first):
                raise DataError(
                    "CR743",
                    f"{path}, line {line}: {len(cells)} cells, where {len(first)} are expected "
                    f"({', '.join(self.names)}). Look for a missing or superfluous "
                    f"{delimiter!r}; text that holds one needs quotes",
                )
        if not rows:
            raise DataError("CR742", f"{path} has a header and no rows below it")
        self.lines = [line for line, _ in rows]
        self.cells = np.array([cells for _, cells in rows], object).reshape(-1, len(first))
        self.unknown = np.array([cell in missing for cell in self.cells.flat], bool)
        self.unknown = self.unknown.reshape(self.cells.shape)

    def _check_names(self, first: list[str]) -> None:
        twice = {name for name, n in Counter(self.names).items() if n > 1}
        if twice:
            raise DataError(
                "CR742",
                f"{self.path}: the header names {', '.join(sorted(twice))} more than once. "
                "Give every column its own name, or pass header=False if that row is data",
            )

    def position(self, name: str | int) -> int:
        """The position of a column."""
        if isinstance(name, str) and name in self.names:
            return self.names.index(name)
        if isinstance(name, int) and -len(self.names) <= name < len(self.names):
            return name % len(self.names)
        raise ArgumentError(
            "CR745",
            f"{self.path} has no column {name!r}; its columns are {', '.join(self.names)}",
        )

    def rows_to_keep(self, features: list[int], goal: int | None, missing: str) -> np.ndarray:
        """The positions of the rows that become samples."""
        asked = features if goal is None else [*features, goal]
        unknown = self.unknown[:, asked]
        if missing == "error" and unknown.any():
            row, column = np.argwhere(unknown)[0]
            raise self._bad_cell(
                row,
                asked[column],
                'is missing. Pass missing="drop" to leave such rows out, or missing="fill"',
            )
        if missing == "fill":
            unknown = self.unknown[:, [] if goal is None else [goal]]
        return np.flatnonzero(~unknown.any(1))

    def _bad_cell(self, row: int, column: int, what: str) -> DataError:
        return DataError(
            "CR744",
            f"{self.path}, line {self.lines[row]}, column {self.names[column]!r}: "
            f"{self.cells[row, column]!r} {what}",
        )

    def fitted(
        self, which: list[int], named: list[int], keep: np.ndarray, standardize: bool
    ) -> list[Column]:
        """How each of these columns becomes numbers."""
        return [self._fitted(i, i in named, keep, standardize) for i in which]

    def _fitted(self, i: int, named: bool, keep: np.ndarray, standardize: bool) -> Column:
        name, known = self.names[i], keep[~self.unknown[keep, i]]
        if named or not self._is_numeric(i, known):
            return Column(name, sorted(set(self.cells[known, i]), key=_by_number))
        numbers = self._numbers(i, known)
        mean = float(numbers.mean()) if len(numbers) else 0.0
        return Column(name, None, mean, (float(numbers.std()) or 1.0) if standardize else 0.0)

    def _is_numeric(self, i: int, rows: np.ndarray) -> bool:
        """Whether at least half of the cells are numbers."""
        return 2 * sum(map(_is_number, self.cells[rows, i])) >= len(rows) > 0

    def _numbers(self, i: int, rows: np.ndarray) -> np.ndarray:
        wrong = [row for row in rows if not _is_number(self.cells[row, i])]
        if wrong:
            raise self._bad_cell(
                wrong[0],
                i,
                "is no number, as other cells of the column are. Mend it, name it in "
                f"missing_values, or pass categorical=[{self.names[i]!r}]",
            )
        return self.cells[rows, i].astype(np.float64)

    def encoded(self, i: int, column: Column, keep: np.ndarray) -> np.ndarray:
        """The features of a column, (n, how many)."""
        known = ~self.unknown[keep, i]
        if column.categories is not None:
            self._check_categories(column)
            hot = np.zeros((len(keep), len(column.categories)))
            hot[np.flatnonzero(known), self._positions(i, column, keep[known])] = 1
            return hot
        numbers = np.full(len(keep), column.mean)
        numbers[known] = self._numbers(i, keep[known])
        return ((numbers - column.mean) / column.scale if column.scale else numbers)[:, None]

    def _check_categories(self, column: Column) -> None:
        if len(column.categories or ()) > MOST_CATEGORIES:
            raise DataError(
                "CR744",
                f"{self.path}: column {column.name!r} has {len(column.categories or ()):,} "
                f"different texts, where {MOST_CATEGORIES:,} are the most for a feature. Name "
                "the columns that are features: columns=[…]",
            )

    def target(self, i: int, column: Column, keep: np.ndarray) -> np.ndarray:
        """The targets, (n,): classes as int64, numbers as float32."""
        if column.categories is not None:
            return self._positions(i, column, keep)
        return self._numbers(i, keep).astype(np.float32)

    def _positions(self, i: int, column: Column, rows: np.ndarray) -> np.ndarray:
        """The position of each cell among the categories."""
        at = {category: k for k, category in enumerate(column.categories or ())}
        found = [at.get(cell, -1) for cell in self.cells[rows, i]]
        if -1 in found:
            raise self._bad_cell(
                rows[found.index(-1)], i, f"is none of the known categories: {', '.join(at)}"
            )
        return np.array(found, np.int64)


def _rows(path: Path, delimiter: str) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, each with the line that it ends in."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError("CR742", f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataError(
            "CR742", f"{path}, line {line}: no UTF-8 text ({error.reason}). Save it as UTF-8"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, [c.strip() for c in cells]) for cells in reader if any(cells)]
    except csv.Error as error:
        raise DataError(
            "CR742",
            f"{path}, line {reader.line_num}: {error}. Look for a quote that is not closed",
        ) from None


def _is_header(rows: list[tuple[int, list[str]]], missing: frozenset[str]) -> bool:
    first = rows[0][1]
    distinct = len(set(first)) == len(first) and not missing & set(first)
    return distinct and len(rows) > 1 and not any(_is_number(cell) for cell in first)


def _is_number(cell: str) -> bool:
    """Whether a cell is a finite number."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _by_number(category: str) -> tuple[float, str]:
    """Categories that are numbers in their order, before those that are not."""
    return (float(category) if _is_number(category) else np.inf, category)
