"""Benchmarks of xaikit against its peers; see ``python -m benchmarks``."""
