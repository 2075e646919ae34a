"""Textual code becomes machine code, and machine code addresses."""

import ctypes

import numpy as np
import pytest

from chainrule.engines.native.running.llvm import assembly, compile_object, load
from chainrule.engines.native.running.target import host

DOUBLE = """
define i64 @double(i64 %x) {
  %slot = alloca i64
  store i64 %x, ptr %slot
  %y = load i64, ptr %slot
  %z = add i64 %y, %y
  ret i64 %z
}
define i64 @triple(i64 %x) {
  %y = mul i64 %x, 3
  ret i64 %y
}
"""
CALLER = """
declare i64 @outside(i64)
define i64 @call(i64 %x) {
  %y = call i64 @outside(i64 %x)
  ret i64 %y
}
"""
TABLE = """
@table = private constant [4 x i64] [i64 2, i64 3, i64 5, i64 7]
define i64 @lookup(i64 %x) {
  %at = getelementptr [4 x i64], ptr @table, i64 0, i64 %x
  %y = load i64, ptr %at
  ret i64 %y
}
"""
Function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


def test_functions_can_be_called():
    library = load(compile_object(DOUBLE, host()))
    assert Function(library.address("double"))(21) == 42
    assert Function(library.address("triple"))(14) == 42
    assert library.address("double") == library.address("double")


def test_constants_come_along():
    library = load(compile_object(TABLE, host()))
    lookup = Function(library.address("lookup"))
    assert [lookup(i) for i in range(4)] == [2, 3, 5, 7]


def test_each_library_has_its_own_names():
    texts = [DOUBLE, DOUBLE.replace("add", "sub")]
    first, second = (load(compile_object(text, host())) for text in texts)
    assert Function(first.address("double"))(4) == 8
    assert Function(second.address("double"))(4) == 0


def test_several_objects_are_one_library():
    library = load([compile_object(text, host()) for text in (DOUBLE, TABLE)])
    assert Function(library.address("double"))(Function(library.address("lookup"))(3)) == 14


def test_what_the_code_calls_is_given_by_address():
    seen = []
    outside = Function(lambda x: seen.append(x) or x + 1)
    address = ctypes.cast(outside, ctypes.c_void_p).value
    library = load(compile_object(CALLER, host()), {"outside": address})
    assert Function(library.address("call"))(41) == 42
    assert seen == [41]


def test_nothing_is_called_that_was_not_given():
    library = load(compile_object(CALLER, host()))
    with pytest.raises(KeyError, match="materialize"):
        library.address("call")


def test_a_name_that_is_not_there():
    library = load(compile_object(DOUBLE, host()))
    with pytest.raises(KeyError, match="quadruple"):
        library.address("quadruple")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("define i64 @f(i64 %x) {", "end of file"),
        ("define i64 @f(i64 %x) { %y = add i64 %z, 1\n ret i64 %y }", "undefined value"),
        ("define void @f() {\n br label %a\na:\n %x = phi i64 [ 1, %a ]\n ret void }", "PHI"),
    ],
)
def test_text_that_is_no_module(text, words):
    with pytest.raises(RuntimeError, match=words):
        compile_object(text, host())


@pytest.mark.parametrize("data", [b"", b"no object", b"\x7fELF"])
def test_bytes_that_are_no_object(data):
    with pytest.raises(RuntimeError):
        load(data)


def test_slots_become_registers():
    text = assembly(DOUBLE, host()).split("triple")[0]
    assert "(%rsp)" not in text and "[sp" not in text


def test_wide_vectors_stay_whole():
    """One instruction for a register's worth of numbers."""
    target = host()
    lanes = target.vector_bytes // 4
    text = f"""
    define void @square(ptr %x) #0 {{
      %v = load <{lanes} x float>, ptr %x, align 4
      %w = fmul <{lanes} x float> %v, %v
      store <{lanes} x float> %w, ptr %x, align 4
      ret void
    }}
    attributes #0 = {{ {target.attributes} }}
    """
    assert sum("mul" in line for line in assembly(text, target).splitlines()) == 1
    x = np.arange(lanes, dtype=np.float32)
    square = load(compile_object(text, target))
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(square.address("square"))(x.ctypes.data)
    np.testing.assert_array_equal(x, np.arange(lanes, dtype=np.float32) ** 2)
