"""The board: rows, columns, ranks, notes and the Pareto front, from scored results."""
