"""Naive oracles of what is done with images, as loops short enough to check by eye."""

from __future__ import annotations

import numpy as np


def compose_images(image, baselines, labels, of_background, kept):
    """The image where the value's unit is kept or none; `kept` is bool (q, M)."""
    out = []
    for b, shown in zip(of_background, kept, strict=True):
        out.append([image[v] if u < 0 or shown[u] else baselines[b][v]
                    for v, u in enumerate(labels)])
    return np.array(out, dtype=image.dtype)


def blend_images(image, baselines, pixels, of_background, masks):
    out = np.empty((len(masks), len(image)))
    for q, b in enumerate(of_background):
        for v, pixel in enumerate(pixels):
            m = float(masks[q, pixel])
            out[q, v] = m * image[v] + (1.0 - m) * baselines[b][v]
    return out


def upsampled(grid, shift, size):
    """A coarse grid stretched bilinearly over a cell more than the image, then cropped."""
    rows, columns = grid.shape
    cells = [-(-size[0] // rows), -(-size[1] // columns)]
    mask = np.zeros(size)
    for y in range(size[0]):
        for x in range(size[1]):
            at = [((p + s + 0.5) / ((n + 1) * cell)) * n - 0.5 for p, s, n, cell in
                  zip((y, x), shift, (rows, columns), cells, strict=True)]
            at = [min(max(a, 0.0), n - 1.0) for a, n in zip(at, (rows, columns), strict=True)]
            i, j = int(at[0]), int(at[1])
            ty, tx = at[0] - i, at[1] - j
            below, right = min(i + 1, rows - 1), min(j + 1, columns - 1)
            mask[y, x] = ((1 - ty) * (1 - tx) * grid[i, j] + (1 - ty) * tx * grid[i, right]
                          + ty * (1 - tx) * grid[below, j] + ty * tx * grid[below, right])
    return mask


def correlate(answers, masks):
    """S = Cov(f, M) / Var(M) and its error, from masks of full size (n, height, width)."""
    _, height, width = masks.shape
    values = np.zeros((height, width, answers.shape[1]))
    errors = np.full(values.shape, np.nan)
    for y in range(height):
        for x in range(width):
            m = masks[:, y, x] - masks[:, y, x].mean()
            if (m**2).mean() < 1e-9:
                continue
            for k in range(answers.shape[1]):
                f = answers[:, k] - answers[:, k].mean()
                values[y, x, k] = (f * m).sum() / (m**2).sum()
                rho2 = 0.0
                if (f**2).sum() > 0:
                    rho2 = (f * m).sum()**2 / ((f**2).sum() * (m**2).sum())
                variance = (1 - rho2) * (f**2 * m**2).sum() / (m**2).sum()**2
                errors[y, x, k] = np.sqrt(max(variance, 0.0))
    return values, errors


def regions(pixel_map, segmentations, least):
    """Segments by the mean of what they bring: labels in the order of adding, and the means."""
    covered = np.zeros(pixel_map.shape, dtype=bool)
    labels = np.full(pixel_map.shape, -1)
    segments = [s == u for s in segmentations for u in np.unique(s) if u >= 0]
    means = []
    while True:
        best = None
        for i, segment in enumerate(segments):
            new = segment & ~covered
            if new.sum() >= least and (best is None or pixel_map[new].mean() > best[0] + 1e-12):
                best = (pixel_map[new].mean(), i, new)
        if best is None:
            break
        labels[best[2]] = len(means)
        means.append(best[0])
        covered |= best[2]
    if not covered.all():
        labels[~covered] = len(means)
        means.append(pixel_map[~covered].mean())
    return labels, np.array(means)
