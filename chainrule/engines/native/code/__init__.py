"""The functions of kernels: nests of loops, products, and what they have in common."""
