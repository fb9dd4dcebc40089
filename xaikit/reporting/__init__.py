"""Explanations as one HTML file that needs no network, with Markdown, JSON and CSV beside it."""
