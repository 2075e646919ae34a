"""Formulas made of tensor methods: activations, layers without state, losses."""
