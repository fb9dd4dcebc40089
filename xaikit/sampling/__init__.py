"""Sampling: what a model is asked, and asking it."""
