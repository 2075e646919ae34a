"""What became of a graph, and how long its parts take."""
