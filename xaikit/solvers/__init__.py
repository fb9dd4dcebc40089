"""Solvers: from the answers of a model to numbers, without asking it again."""
