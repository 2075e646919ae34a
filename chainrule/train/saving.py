"""save and load: tensors and plain values, nested as they are, in one safetensors file.

load also reads the folders of checkpoints and PyTorch's files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from chainrule.device import resolve_device
from chainrule.files import write_file
from chainrule.tensor.tensor import Tensor
from chainrule.train.checkpoints import load_checkpoint
from chainrule.train.input_file import opened
from chainrule.train.packing import pack, unpack
from chainrule.train.pickle_reader import refusal
from chainrule.train.safetensors import read_safetensors, write_arrays
from chainrule.train.torch_file import LONGEST_START, is_torch_file, read_torch

STRUCTURE = "chainrule"  # the metadata entry that says how the values are nested


def save(
    obj: Any,
    f: str | os.PathLike | BinaryIO,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write tensors and plain values to a safetensors file.

    Args:
        obj: a tensor, number, text, bool or None; or dicts, lists and tuples of these, such as
            `model.state_dict()` or `{"model": …, "optimizer": …, "epoch": 3}`.
        f: the file; an earlier one of that name stays whole until the new one is complete. Or
            an open file.
        pickle_module, pickle_protocol: without effect, as nothing is pickled.

    Notes: the tensors are named after their place ("model.fc1.weight"), so other programs that
    read safetensors find them; how the values are nested stands beside them as JSON.

    Raises: ArgumentTypeError (CR805) for a value of another kind; RunError (CR803) where the
    file cannot be written.

    Example:
        >>> import chainrule as cr
        >>> save({"w": cr.ones(2), "epoch": 3}, "numbers.safetensors")
        >>> load("numbers.safetensors")
        {'w': tensor([1., 1.]), 'epoch': 3}
    """
    values, arrays = pack(obj)
    structure = json.dumps(values)

    def write(file: BinaryIO) -> None:
        write_arrays(file, arrays, {STRUCTURE: structure})

    if isinstance(f, (str, os.PathLike)):
        write_file(f, write)
    else:
        write(f)


def load(
    f: str | os.PathLike | BinaryIO,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool = True,
    mmap: bool | None = None,
    encoding: str = "utf-8",
) -> Any:
    """What save() or torch.save wrote, or the folder of a checkpoint holds.

    Of a safetensors file that another program wrote it is the dict of the tensors.

    Args:
        f: the file or folder, or an open file.
        map_location: a device; everything is read to the CPU. A function is not asked, of a
            dict only the devices count that it leads to.
        weights_only, pickle_module, mmap: without effect. Of a PyTorch file tensors and plain
            containers are read, and no code in it is run.
        encoding: of the texts in a PyTorch file that Python 2 wrote.

    Notes: attributes that a program gave to parameters are left out. Tensors that lie on the
    same memory in a PyTorch file do so here: `numpy()` shows it. A change in place is seen by
    those only that lie on the very same elements.

    Raises: RunError (CR804) for a file that is missing, of another kind, or damaged; (CR820)
    for objects of other classes or code in a PyTorch file.

    Example:
        >>> import io, chainrule as cr
        >>> file = io.BytesIO()
        >>> save([cr.zeros(2), "text"], file)
        >>> load(io.BytesIO(file.getvalue()), map_location="cpu")
        [tensor([0., 0.]), 'text']
    """
    for place in map_location.values() if isinstance(map_location, dict) else [map_location]:
        resolve_device(None if callable(place) else place)
    if isinstance(f, (str, os.PathLike)) and Path(f).is_dir():
        return load_checkpoint(f)
    with opened(f) as file:
        start = file.take(min(file.size, LONGEST_START))
        file.seek(0)
        if is_torch_file(start):
            return read_torch(file, encoding)
        if start[:1] == b"\x80" and start[8:9] not in b"{ \t\r\n":  # where a header begins
            raise refusal(file, "a pickle that torch.save did not write")
        arrays, metadata = read_safetensors(file)
        if STRUCTURE not in metadata:
            return {name: Tensor._of(array) for name, array in arrays.items()}
        return unpack(json.loads(metadata[STRUCTURE]), arrays)
