"""Answers to numbers: what coalitions' values say about units."""
