"""What programs ask about the memory and the kind of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.absent import absent
from chainrule.ops.methods import Methods

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class Storage:
    """The bytes of a tensor, one after the other, as `x.untyped_storage()` gives them."""

    def __init__(self, x: Tensor, typed: bool) -> None:
        self._array = x.detach()._array("storage()").reshape(-1)
        self._typed = typed

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._array.ctypes.data

    def nbytes(self) -> int:
        """How many bytes there are."""
        return self._array.nbytes

    def size(self) -> int:
        """How many elements a typed storage has, bytes an untyped one."""
        return len(self)

    def __len__(self) -> int:
        return self._array.size if self._typed else self._array.nbytes

    def tolist(self) -> list:
        """The elements of a typed storage, the bytes of an untyped one."""
        return (self._array if self._typed else self._array.view("u1")).tolist()


class StorageMethods(Methods):
    """Memory, place and kind: there is one kind of tensor here, dense on the CPU."""

    is_cpu = True
    is_sparse = is_sparse_csr = is_quantized = is_mkldnn = is_meta = is_nested = False
    is_mps = is_xla = is_xpu = is_ipu = is_vulkan = False

    def data_ptr(self) -> int:
        """The address of the first element; another one after a write in place."""
        return self.detach()._array("data_ptr()").ctypes.data

    def storage(self) -> Storage:
        """Its elements, one after the other."""
        return Storage(self.detach(), typed=True)

    def untyped_storage(self) -> Storage:
        """Its bytes, one after the other."""
        return Storage(self.detach(), typed=False)

    def storage_offset(self) -> int:
        """Where the first element lies in the storage: at its beginning."""
        return 0

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.element_size()

    def get_device(self) -> int:
        """The number of the GPU: -1 for the CPU."""
        return -1

    def pin_memory(self, device: Any = None) -> Tensor:
        """Memory that a GPU can fetch: there is none, so the tensor itself."""
        return self  # type: ignore[return-value]

    def is_pinned(self, device: Any = None) -> bool:
        """Whether a GPU can fetch it: no."""
        return False

    def share_memory_(self) -> Tensor:
        """Loader workers get copies, so there is nothing to share: the tensor itself."""
        return self  # type: ignore[return-value]

    def is_shared(self) -> bool:
        """Whether other processes see what is written here: no."""
        return False

    def is_inference(self) -> bool:
        """Whether it was made in inference mode: not told apart here."""
        return False

    def is_signed(self) -> bool:
        """Whether its type has negative numbers."""
        return self.dtype.is_signed

    def is_nonzero(self) -> bool:
        """Whether its only element is not zero."""
        return bool(self)

    def is_same_size(self, other: Tensor) -> bool:
        """Whether the shapes are equal."""
        return self.shape == other.shape

    def is_conj(self) -> bool:
        """Whether it waits to be conjugated: there are no complex numbers."""
        return False

    is_neg = is_conj

    def resolve_conj(self) -> Tensor:
        """The tensor itself: there are no complex numbers."""
        return self  # type: ignore[return-value]

    resolve_neg = resolve_conj

    def to_dense(self) -> Tensor:
        """The tensor itself: all are dense."""
        return self  # type: ignore[return-value]

    def to_sparse(self, *_: Any, **__: Any) -> Any:
        """Raises AbsentError (CR211): there are no sparse tensors."""
        raise absent("sparse", "to_sparse()")

    to_sparse_coo = to_sparse_csr = coalesce = to_sparse
