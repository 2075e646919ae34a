"""Texts as tokens, numbers and windows."""

import pytest

import chainrule as cr
from chainrule.data import TextDataset, Vocabulary, read_text
from chainrule.errors import ArgumentError, AxisError, DataError
from chainrule.utils.data import DataLoader

TEXT = "the cat saw the dog\nthe dog ran\n"


def test_characters_there_and_back():
    letters = Vocabulary.of_characters(TEXT)
    assert letters.tokens == sorted(set(TEXT)) and len(letters) == 14
    assert letters.decode(letters.encode(TEXT)) == TEXT
    assert letters.decode(cr.tensor(letters.encode("cat"))) == "cat"
    assert "c" in letters and "z" not in letters


def test_words_by_how_often_they_come():
    words = Vocabulary.of_words(TEXT)
    assert words.tokens[:4] == ["<unk>", "the", "dog", "<eos>"]
    assert words.decode(words.encode("the fish ran")) == "the <unk> ran <eos>"
    assert Vocabulary.of_words(TEXT, min_count=2).tokens == ["<unk>", "the", "dog", "<eos>"]
    assert Vocabulary.of_words(TEXT, max_size=2).tokens == ["<unk>", "the"]
    assert Vocabulary.of_words("a <unk> b").tokens.count("<unk>") == 1


@pytest.mark.parametrize(("stride", "starts"), [(None, [0, 3]), (1, range(5)), (2, [0, 2, 4])])
def test_windows_and_what_follows(stride, starts):
    data = TextDataset("abcdefgh", 3, stride=stride)
    assert len(data) == len(starts)
    for i, a in enumerate(starts):
        x, y = data[i]
        assert x.tolist() == [a, a + 1, a + 2] and y.tolist() == [a + 1, a + 2, a + 3]
    x, y = next(iter(DataLoader(data, len(data))))
    assert x.tolist() == [[a, a + 1, a + 2] for a in starts] and x.dtype is cr.int64
    assert (y == x + 1).all().item()
    assert data[-1][0].tolist() == x[-1].tolist()


def test_another_text_with_the_same_vocabulary():
    train = TextDataset("hello world", 4)
    test = TextDataset("hold", 2, train.vocabulary)
    assert train.vocabulary.decode(test[0][0]) == "ho"
    words = TextDataset(TEXT, 4, "word")
    assert words.vocabulary.decode(words[0][0]) == "the cat saw the"


def test_files_are_read_as_they_are(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffzwölf\r\nBoxkämpfer\n".encode())
    assert read_text(tmp_path / "a.txt") == "zwölf\nBoxkämpfer\n"


def bytes_file(folder, content):
    (folder / "a.txt").write_bytes(content)
    return read_text(folder / "a.txt")


WRONG = {
    "no file": (lambda f: read_text(f / "none"), DataError, "CR746.*No such file"),
    "other bytes": (lambda f: bytes_file(f, b"ab\xfe"), DataError, "CR746.*byte 2"),
    "unknown": (lambda f: Vocabulary("ab").encode("abc"), DataError, "CR746.*'c', token 2"),
    "twice": (lambda f: Vocabulary("aba"), ArgumentError, "CR747.*3 tokens, 2 different"),
    "no unknown": (lambda f: Vocabulary("ab", "c"), ArgumentError, "CR747.*unknown='c'"),
    "number": (lambda f: Vocabulary("ab").decode([2]), AxisError, "CR748.*token 2.*0 to 1"),
    "below 0": (lambda f: Vocabulary("ab").decode([-1]), AxisError, "CR748.*token -1"),
    "too short": (lambda f: TextDataset("abc", 3), ArgumentError, "CR747.*3 tokens"),
    "empty": (lambda f: TextDataset("", 1), ArgumentError, "CR747.*0 tokens"),
    "no window": (lambda f: TextDataset("abc", 0), ArgumentError, "CR747.*block_size=0"),
    "level": (lambda f: TextDataset("abc", 1, "byte"), ArgumentError, "CR747.*'byte'"),
    "position": (lambda f: TextDataset("abcd", 1)[3], AxisError, "CR708.*sample 3.*3 samples"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_error(case, tmp_path):
    act, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        act(tmp_path)
