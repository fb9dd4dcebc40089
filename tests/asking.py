"""What is asked beside a method's own questions, and how to leave it out."""

from __future__ import annotations

from unittest import mock

ALONE = 3
"""Rows of a large call that are asked again, each alone."""


def _no_doubts(predictor, ledger):
    return []


not_compared = mock.patch("xaikit.explainers.games.differs_alone", new=_no_doubts)
"""Decorates a test that counts every question of a method: answers are not compared with others."""
