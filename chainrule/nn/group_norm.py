"""Group normalization."""

from __future__ import annotations

from typing import Any

from chainrule.dtypes import dtype as Dtype
from chainrule.errors import ArgumentError
from chainrule.functional.normalization import group_norm
from chainrule.nn.normalization import Normalization
from chainrule.tensor.tensor import Tensor


class GroupNorm(Normalization):
    """Each group of channels of a sample normalized  y = w (x - μ) / √(σ² + ε) + b.

    Shapes:  (n, num_channels, …); weight and bias (num_channels,)
    Args:
        num_groups: into how many groups the channels are divided
        eps: ε
        affine: whether there are w and b
        bias: whether there is a b
    Raises:  ArgumentError (CR528) for channels that cannot be divided so.
    Source:  Wu & He 2018, "Group normalization"

    Example:
        >>> import chainrule as cr
        >>> GroupNorm(1, 2)(cr.tensor([[1.0, 3.0]])).detach()
        tensor([[-1.0000,  1.0000]])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ArgumentError(
                "CR528",
                f"GroupNorm: num_channels={num_channels} cannot be divided into "
                f"num_groups={num_groups}",
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._register_affine((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )
