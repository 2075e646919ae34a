"""Operations with a kernel of their own kind: scattering, sorting, random numbers."""
