"""Texts for language models: tokens, their numbers, and windows of them."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from chainrule.data.dataset import Dataset, checked_position
from chainrule.errors import ArgumentError, AxisError, DataError
from chainrule.tensor.tensor import Tensor

END_OF_LINE = "<eos>"
UNKNOWN = "<unk>"


class Vocabulary:
    """The tokens a model knows; each has a number, its position.

    Args:
        tokens: all different.
        unknown: the token that stands for all others; without one they are refused.
        separator: what stands between tokens of a text: nothing for characters, a space for
            words.

    Raises: ArgumentError (CR747) for tokens that are there twice, or an unknown that is not.

    Example:
        >>> letters = Vocabulary.of_characters("hello")
        >>> letters.encode("hole"), letters.decode([1, 0, 2, 2, 3])
        ([1, 3, 2, 0], 'hello')
    """

    def __init__(
        self, tokens: Iterable[str], unknown: str | None = None, separator: str = ""
    ) -> None:
        self.tokens = list(tokens)
        self.unknown = unknown
        self.separator = separator
        self.numbers = {token: i for i, token in enumerate(self.tokens)}
        if len(self.numbers) != len(self.tokens) or unknown not in {None, *self.numbers}:
            raise ArgumentError(
                "CR747",
                f"a vocabulary of {len(self.tokens)} tokens, {len(self.numbers)} different, "
                f"unknown={unknown!r}; give each token once, the unknown one too",
            )

    @classmethod
    def of_characters(cls, text: str) -> Vocabulary:
        """The characters of a text, in order."""
        return cls(sorted(set(text)))

    @classmethod
    def of_words(cls, text: str, min_count: int = 1, max_size: int | None = None) -> Vocabulary:
        """The words of a text, the most frequent first, and tokens for the rest and line ends.

        Args:
            min_count: how often a word must come.
            max_size: how many tokens at most.
        """
        counts = collections.Counter(words(text))
        counts.pop(UNKNOWN, None)
        frequent = [w for w, n in counts.most_common() if n >= min_count]
        return cls([UNKNOWN, *frequent][:max_size], UNKNOWN, " ")

    def split(self, text: str) -> Sequence[str]:
        """The tokens of a text."""
        return words(text) if self.separator else text

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's tokens.

        Raises: DataError (CR746) for a token that is not known.
        """
        return self._numbers(self.split(text)).tolist()

    def _numbers(self, tokens: Sequence[str]) -> np.ndarray:
        other = None if self.unknown is None else self.numbers[self.unknown]
        found = [self.numbers.get(token, other) for token in tokens]
        if None in found:
            at = found.index(None)
            raise DataError(
                "CR746",
                f"{tokens[at]!r}, token {at} of the text, is not in the vocabulary of "
                f"{len(self)}. Make the vocabulary of all texts, or with an unknown token",
            )
        return np.array(found, np.int64)

    def decode(self, numbers: Iterable[int] | Tensor) -> str:
        """The text of tokens by their numbers.

        Raises: AxisError (CR748) for a number that no token has.
        """
        given = numbers.tolist() if isinstance(numbers, Tensor) else list(numbers)
        for i in given:
            if not 0 <= i < len(self):
                raise AxisError(
                    "CR748", f"token {i} of a vocabulary of {len(self)}, 0 to {len(self) - 1}"
                )
        return self.separator.join(self.tokens[i] for i in given)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self.numbers

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"


def words(text: str) -> list[str]:
    """What stands between spaces, with <eos> at the end of every line."""
    return [w for line in text.splitlines() for w in (*line.split(), END_OF_LINE)]


def read_text(path: str | Path) -> str:
    """The text of a file in UTF-8.

    Raises: DataError (CR746) for a file that is missing or holds other bytes.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise DataError("CR746", f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            "CR746",
            f"{path} is no UTF-8 text: byte {error.start} ({error.reason}). Save it as UTF-8",
        ) from None


class TextDataset(Dataset):
    """Windows of a text for a language model: sample i is (tokens, the tokens one later).

    x = s[a : a + t],  y = s[a + 1 : a + t + 1],  a = i · stride

    Shapes: x and y (t,), int64

    Args:
        text: the text itself; read_text(path) reads one from a file.
        block_size: t, how many tokens a window has.
        vocabulary: "character" or "word" makes one of the text; or a Vocabulary.
        stride: from one window to the next; block_size if None, so that none overlap.

    Raises: ArgumentError (CR747) for a text too short for one window; DataError (CR746) for
    tokens that the vocabulary does not know.

    Example:
        >>> data = TextDataset("abcabc", block_size=2)
        >>> data[1]
        (tensor([2, 0]), tensor([0, 1]))
        >>> data.vocabulary.decode(data[1][0])
        'ca'
    """

    def __init__(
        self,
        text: str,
        block_size: int,
        vocabulary: str | Vocabulary = "character",
        stride: int | None = None,
    ) -> None:
        self.vocabulary = _vocabulary(vocabulary, text)
        self.block_size = block_size
        self.stride = block_size if stride is None else stride
        self.tokens = self.vocabulary._numbers(self.vocabulary.split(text))
        if block_size < 1 or self.stride < 1 or len(self.tokens) <= block_size:
            raise ArgumentError(
                "CR747",
                f"block_size={block_size} and stride={self.stride} for a text of "
                f"{len(self.tokens)} tokens; give numbers from 1 on, and more tokens than a "
                "window has",
            )

    def __len__(self) -> int:
        return (len(self.tokens) - self.block_size - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, y = self.__getbatch__(np.array([checked_position(index, len(self))]))
        return x[0], y[0]

    def __getbatch__(self, positions: np.ndarray) -> list[Tensor]:
        at = positions[:, None] * self.stride + np.arange(self.block_size)
        return [Tensor._of(self.tokens[at]), Tensor._of(self.tokens[at + 1])]


def _vocabulary(kind: str | Vocabulary, text: str) -> Vocabulary:
    if isinstance(kind, Vocabulary):
        return kind
    makers: dict[str, Callable[[str], Vocabulary]] = {
        "character": Vocabulary.of_characters,
        "word": Vocabulary.of_words,
    }
    if kind not in makers:
        raise ArgumentError(
            "CR747", f"vocabulary={kind!r}; give 'character', 'word' or a Vocabulary"
        )
    return makers[kind](text)
