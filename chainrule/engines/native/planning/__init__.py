"""From a graph to functions, memory and the order in which they run (plan.py)."""
