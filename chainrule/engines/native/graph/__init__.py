"""The graph as nodes, and the way from a node down to what is stored."""
