"""What a tensor knows of its gradient, and `backward`, which asks the tape for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule import observers
from chainrule.errors import GradientError, ShapeError
from chainrule.ops.methods import Methods
from chainrule.tensor import tape, trace

if TYPE_CHECKING:
    from chainrule.tensor.tensor import Tensor


class DifferentiationMethods(Methods):
    """What a user calls."""

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Whether operations on this leaf are recorded for a gradient."""
        if self._edge is not None and not requires_grad:
            raise GradientError(
                "CR305", "requires_grad can only be switched off on a leaf; use detach()"
            )
        if requires_grad and not self.is_floating_point():
            raise GradientError(
                "CR306",
                f"a {self.dtype} tensor cannot require a gradient; only floating types can, "
                "x.float()",
            )
        self._requires_grad = bool(requires_grad)
        return self  # type: ignore[return-value]

    @property
    def is_leaf(self) -> bool:
        return self._edge is None

    @property
    def grad_fn(self) -> Any:
        return self._edge

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward has added up here, or None."""
        writing = trace.current.get()
        if writing is None:
            return self._grad
        return writing.grad_slot(self).held  # type: ignore[arg-type]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and value.shape != self.shape:
            raise ShapeError(
                "CR107",
                f"a gradient has the shape of its tensor {tuple(self.shape)}, "
                f"got {tuple(value.shape)}",
            )
        writing = trace.current.get()
        if writing is None:
            self._grad = value
        else:
            writing.grad_slot(self).held = value  # type: ignore[arg-type]

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add ∂self/∂leaf to the `.grad` of every leaf that requires it.

        Args: gradient: the cotangent to start from; needed unless self is a single number.
        """
        if isinstance(inputs, Methods):
            inputs = [inputs]
        told = observers.told(observers.present)
        if told and trace.current.get() is not None:
            for observer in told:
                observer.backward_traced(self)
            told = ()
        for observer in told:
            observer.backward_begins(self)
        gradients = tape.backward(
            [(tape.edge_of(self), self._start(gradient))],  # type: ignore[arg-type]
            retain_graph=create_graph if retain_graph is None else retain_graph,
            create_graph=create_graph,
            targets=None if inputs is None else [tape.edge_of(x) for x in inputs],
        )
        for tensor in gradients if inputs is None else inputs:
            if (g := gradients.get(tape.edge_of(tensor))) is not None:
                tensor._accumulate(g)
        for observer in told:
            observer.backward_ends(self)

    def _start(self, gradient: Tensor | None) -> Tensor:
        """The cotangent that a backward pass starts from."""
        if not self._requires_grad:
            raise GradientError(
                "CR307",
                "this tensor does not depend on anything that requires a gradient. Were the "
                "parameters frozen, or was it made under no_grad or from detach(), item() or "
                "numpy()?",
            )
        if gradient is None:
            if self.numel() != 1:
                raise GradientError(
                    "CR308",
                    f"backward starts from a single number, not from {tuple(self.shape)}; "
                    "reduce it with mean() or sum(), or give the cotangent, backward(g)",
                )
            return self.detach().ones_like()
        if gradient.shape != self.shape:
            raise ShapeError(
                "CR107",
                f"the cotangent has shape {tuple(gradient.shape)}, the tensor "
                f"{tuple(self.shape)}; they must be equal",
            )
        return gradient._cast(self._cell.array.dtype)

    def _hook_functions(self) -> tuple:
        """What is called when its gradient comes, and when it has been added up."""
        if not self._hooks and not self._accumulated:
            return ()
        return tuple((self._hooks or {}).values()), tuple((self._accumulated or {}).values())

    def _forget_grad(self, set_to_none: bool) -> None:
        """No gradient, or one of zeros. Dropping it does not ask whether there was one, so
        that a compiled step is the same whatever it finds."""
        if set_to_none:
            self.grad = None
        elif self.grad is not None:
            self.grad = self.grad.zeros_like()

    def _accumulate(self, g: Tensor) -> None:
        held = self.grad
        self.grad = g._twin() if held is None else held + g
        for hook in tuple((self._accumulated or {}).values()):
            hook(self)
