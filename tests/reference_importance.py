"""Naive oracles of importance: every formula once more, as loops short enough to check by eye."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xaikit.sampling.seeds import stream
from xaikit.tables.ordering import order_by_content

# Mean impact values -----------------------------------------------------------------------------


def targets(x, column, mode, delta):
    """The two points one number is moved to, from the definitions in the docstring."""
    known = [v for v in column if v == v]
    if mode == "relative":
        return x * (1 + delta), x * (1 - delta)
    if mode == "relative_abs":
        return x + delta * abs(x), x - delta * abs(x)
    if mode == "sd":
        mean = sum(known) / len(known)
        sd = (sum((v - mean) ** 2 for v in known) / (len(known) - 1)) ** 0.5
        return x + delta * sd, x - delta * sd
    if mode == "range":
        step = delta * (max(known) - min(known))
        return x + step, x - step
    ordered = sorted(known)
    below, equal = sum(v < x for v in ordered), sum(v == x for v in ordered)
    rank = (below + (equal - 1) / 2) / (len(ordered) - 1)

    def at(q):
        place = min(max(q, 0.0), 1.0) * (len(ordered) - 1)
        low = min(int(place), len(ordered) - 2)
        return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])

    return at(rank + delta), at(rank - delta)


def mean_impact(f, X, mode, delta, clip=False, unit=None):
    """One row at a time: (signed, absolute) of a column, or of columns moved together."""
    effects = impacts(f, X, mode, delta, clip, unit)
    return np.mean(effects, axis=0), np.mean(np.abs(effects), axis=0)


def impacts(f, X, mode, delta, clip=False, unit=None):
    """The effect on each row."""
    effects = []
    for row in X:
        if any(row[c] != row[c] for c in unit):
            effects.append(np.zeros(f(X[:1]).shape[1]))
            continue
        up, down = row.copy(), row.copy()
        for c in unit:
            up[c], down[c] = targets(row[c], X[:, c], mode, delta)
            if clip:
                up[c] = min(max(up[c], np.nanmin(X[:, c])), np.nanmax(X[:, c]))
                down[c] = min(max(down[c], np.nanmin(X[:, c])), np.nanmax(X[:, c]))
        effects.append(f(up[None])[0] - f(down[None])[0])
    return effects


def swapped(f, frame, columns):
    """Swap every other observed level (or pattern of levels) into every row."""
    def key(i):
        cells = [frame.iloc[i][c] for c in columns]
        return None if any(pd.isna(v) for v in cells) else tuple(cells)

    patterns = sorted({key(i) for i in range(len(frame))} - {None})
    donor = {p: next(i for i in range(len(frame)) if key(i) == p) for p in patterns}
    signed, absolute = [], []
    for i in range(len(frame)):
        own, effects = f(frame.iloc[[i]])[0], []
        for p in patterns:
            if key(i) is None or key(i) == p:
                continue
            row = frame.iloc[[i]].copy()
            for c in columns:
                row[c] = frame[c].iloc[[donor[p]]].array
            change = f(row)[0] - own
            flip = len(patterns) == 2 and p == patterns[0]
            effects.append((-change if flip else change, np.abs(change)))
        signed.append(np.mean([e[0] for e in effects], axis=0) if effects else own * 0)
        absolute.append(np.mean([e[1] for e in effects], axis=0) if effects else own * 0)
    return np.mean(signed, axis=0), np.mean(absolute, axis=0)


def levels_frame():
    """Levels of every kind."""
    rng = np.random.default_rng(2)
    return pd.DataFrame({
        "two": pd.Categorical(rng.choice(["b", "a"], 14)),
        "many": rng.choice(["x", "y", "z"], 14),
        "flag": rng.random(14) < 0.4,
        "hot_a": np.array([1, 0, 0] * 4 + [1, 0]),
        "hot_b": np.array([0, 1, 0] * 4 + [0, 1]),
        "number": rng.normal(size=14),
    })


def levels_model(frame):
    """A model of them with interactions."""
    two = (frame["two"].astype(object) == "b").to_numpy() * 2.0
    many = frame["many"].map({"x": 1.0, "y": 4.0, "z": -2.0}).fillna(0).to_numpy()
    flag = frame["flag"].to_numpy(dtype=float)
    hot = 3.0 * frame["hot_a"].to_numpy() - frame["hot_b"].to_numpy()
    base = two * flag + many * (1 + two) + hot * many + frame["number"].to_numpy() * flag
    return np.column_stack([base, base**2])


# Permutation importance -------------------------------------------------------------------------


def sources(seed, unit, n_repeats, *rows):
    """The row that each row's cells come from, in every repeat: drawn for the rows by content."""
    order, found = order_by_content(*rows), []
    for r in range(n_repeats):
        of = {}
        for place, drawn in enumerate(stream(seed, "permutation", unit, r).permutation(len(order))):
            of[order[place]] = order[drawn]
        found.append(np.array([of[i] for i in range(len(order))]))
    return found


def change(f, X, units, seed, n_repeats, content=None):
    """Mean |f(shuffled) − f|, one row at a time."""
    values, by_row = [], []
    base = f(X)
    for u, columns in enumerate(units):
        rows = np.zeros((len(X), base.shape[1]))
        for order in sources(seed, u, n_repeats, X if content is None else content):
            for i, source in enumerate(order):
                row = X[i : i + 1].copy()
                for c in columns:
                    row[0, c] = X[source, c]
                change = np.abs(f(row)[0] - base[i]) / n_repeats
                # A row takes part as the taker of a value and as the giver of its own.
                rows[i] += change
                rows[source] += change
        values.append(rows.mean(axis=0) / 2)
        by_row.append(rows)
    return np.array(values), np.array(by_row)


def random_blocks(seed, *rows):
    """Deal rows out at random, in the order of their content."""
    order, blocks = order_by_content(*rows), {}
    for i, drawn in zip(order, stream(seed, "blocks").permutation(len(order)), strict=True):
        blocks[i] = drawn % min(10, len(order) // 2)
    return np.array([blocks[i] for i in range(len(order))])


def weighted_change(f, X, seed, n_repeats, weights):
    """Weighted mean |f(shuffled) − f| of every column, and what each row moves it by."""
    base, n, total = f(X), len(X), sum(weights)
    values, moves = [], []
    for u in range(X.shape[1]):
        steps = []
        for order in sources(seed, u, n_repeats, X, weights):
            shuffled = X.copy()
            shuffled[:, u] = X[order, u]
            steps.append((order, np.abs(f(shuffled) - base)))
        value = sum(weights[i] * step[i] for _, step in steps for i in range(n)) / total / n_repeats
        rows = np.zeros_like(base)
        for order, step in steps:
            for i, source in enumerate(order):
                move = n * weights[i] / total * (step[i] - value) / n_repeats
                rows[i] += move
                rows[source] += move
        values.append(value)
        moves.append(rows)
    return np.array(values), np.array(moves)


def score_drops(score, predict, X, y, seed, n_repeats, weights=None):
    """Mean drop of a score for every column, and its jackknife error over blocks."""
    blocks, n = random_blocks(seed, X, y, weights), len(X)
    drops, errors, base = [], [], predict(X)

    def of(rows, answers):
        own = {} if weights is None else {"sample_weight": weights[rows]}
        return score(y[rows], answers[rows], **own)

    everyone = np.arange(n)
    for c in range(X.shape[1]):
        repeats, left_out = [], []
        for order in sources(seed, c, n_repeats, X, y, weights):
            shuffled = X.copy()
            shuffled[:, c] = X[order, c]
            answers = predict(shuffled)
            repeats.append(of(everyone, base) - of(everyone, answers))
            left_out.append([])
            for b in range(blocks.max() + 1):
                kept = blocks != b
                # With a block's rows go those that were given their values.
                both = kept & (blocks[order] != b)
                left_out[-1].append(of(both, base) - of(both, answers))
        drops.append(repeats)
        parts = [sum(p) / n_repeats for p in zip(*left_out, strict=True)]
        mean, n_blocks = sum(parts) / len(parts), len(parts)
        errors.append(((n_blocks - 1) / n_blocks * sum((p - mean) ** 2 for p in parts)) ** 0.5)
    return np.array(drops), np.array(errors)


# Results ----------------------------------------------------------------------------------------


def numbers_of(e):
    """All numbers of an importance, as bytes."""
    parts = [e.values, e.standard_errors, e.lower, e.upper, *e.details.values()]
    return [np.asarray(p).tobytes() for p in parts]
