"""Scenes with known truth: digits pasted on patches of photographs, and a network that reads them.

A good explanation points at the digit's pixels; everything else is background.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits, load_sample_images
from sklearn.metrics import average_precision_score

SIDE, ZOOM = 48, 3
"""Pixels along the side of a scene, and the factor by which the 8 × 8 digits are enlarged."""


@dataclass(frozen=True)
class Scenes:
    """Images (n, side, side, 3) in [0, 1], the digit of each, and its pixels (n, side, side)."""

    images: np.ndarray
    digits: np.ndarray
    truth: np.ndarray


def scenes(n: int, seed: int) -> Scenes:
    """Paste digits at random places on random patches, in random bright colours."""
    rng = np.random.default_rng(seed)
    shapes, labels = load_digits(return_X_y=True)
    photos = [photo / 255.0 for photo in load_sample_images().images]
    images = np.empty((n, SIDE, SIDE, 3), dtype=np.float32)
    digits, truth = np.empty(n, dtype=np.int64), np.zeros((n, SIDE, SIDE), dtype=bool)
    for i in range(n):
        photo = photos[rng.integers(len(photos))]
        y, x = (rng.integers(photo.shape[axis] - SIDE) for axis in (0, 1))
        images[i] = 0.6 * photo[y : y + SIDE, x : x + SIDE]
        chosen = rng.integers(len(shapes))
        ink = np.clip(zoom(shapes[chosen].reshape(8, 8) / 16.0, ZOOM, order=1), 0.0, 1.0)
        y, x = rng.integers(SIDE - len(ink) + 1, size=2)
        here = (i, slice(y, y + len(ink)), slice(x, x + len(ink)))
        colour = rng.uniform(0.8, 1.0, size=3)
        images[here] += ink[:, :, None] * (colour - images[here])
        truth[here], digits[i] = ink > 0.4, labels[chosen]
    return Scenes(images, digits, truth)


@cache
def reader(n: int = 4_000, epochs: int = 12) -> tuple[Any, float]:
    """Train a small convolutional network; return it and its accuracy on other scenes."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    train, test = scenes(n, 0), scenes(500, 1)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 48, 5), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(48, 10), nn.Softmax(dim=1))
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    X, y = torch.tensor(train.images).permute(0, 3, 1, 2), torch.tensor(train.digits)
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for batch in torch.randperm(n, generator=generator).split(64):
            optimizer.zero_grad()
            nn.functional.nll_loss(torch.log(network(X[batch]) + 1e-9), y[batch]).backward()
            optimizer.step()
    network.eval()
    with torch.no_grad():
        named = network(torch.tensor(test.images).permute(0, 3, 1, 2)).argmax(dim=1).numpy()
    return network, float((named == test.digits).mean())


def pointing(maps: np.ndarray, truth: np.ndarray, slack: int = 1) -> float:
    """Return the share of maps (n, h, w) whose largest value is within `slack` pixels of the truth.

    If several pixels share the largest value, such as those of a superpixel, the map counts by the
    share of them that is near enough.
    """
    from scipy.ndimage import binary_dilation

    hits = []
    for found, where in zip(maps, truth, strict=True):
        wide = binary_dilation(where, iterations=slack) if slack else where
        hits.append(wide[found == found.max()].mean())
    return float(np.mean(hits))


def precision(maps: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean area under the precision-recall curve of maps (n, h, w) against the truth."""
    return float(np.mean([average_precision_score(where.ravel(), found.ravel())
                          for found, where in zip(maps, truth, strict=True)]))
