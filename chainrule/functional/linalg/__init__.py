"""Linear algebra: what `chainrule.linalg` shows."""
