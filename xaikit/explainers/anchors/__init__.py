"""Anchors: rules under which a model answers as it does for a row."""
