"""Naive oracles: every formula once more, as loops short enough to check by eye."""

from __future__ import annotations

from itertools import combinations, permutations
from math import comb, factorial

import numpy as np

# Masks -----------------------------------------------------------------------------------------


def pack(kept):
    """Words of boolean masks: unit u in bit u % 64 of word u // 64."""
    n, n_units = kept.shape
    words = [[0] * max(1, -(-n_units // 64)) for _ in range(n)]
    for i in range(n):
        for u in range(n_units):
            if kept[i, u]:
                words[i][u // 64] += 2 ** (u % 64)
    return np.array(words, dtype=np.uint64)


def unpack(masks, n_units):
    """Undo `pack`."""
    return np.array([[is_kept(mask, u) for u in range(n_units)] for mask in masks], dtype=bool)


def is_kept(mask, u):
    return int(mask[u // 64]) // 2 ** int(u % 64) % 2 == 1


def subsets(units):
    """Every subset of some units, as tuples."""
    units = list(units)
    return [s for size in range(len(units) + 1) for s in combinations(units, size)]


def mask_of(subset, n_units):
    return np.array([u in subset for u in range(n_units)])


# Games -----------------------------------------------------------------------------------------


def game(model, row, background, weights=None, units=None, link=lambda mean: mean):
    """v(S) of arrays as a function of a set of units, by a loop over the background."""
    n = len(background)
    weights = np.full(n, 1.0 / n) if weights is None else np.asarray(weights) / np.sum(weights)
    units = [[c] for c in range(len(row))] if units is None else units

    def v(subset):
        mean = 0.0
        for weight, hidden in zip(weights, background, strict=True):
            composed = hidden.copy()
            for u in subset:
                for c in units[u]:
                    composed[c] = row[c]
            mean = mean + weight * np.atleast_1d(model(composed.reshape(1, -1))[0])
        return link(mean)

    return v


def shapley(v, n):
    """Shapley 1953: a player's marginal contributions, weighted (s)!(n−s−1)!/n!."""
    known = {s: np.asarray(v(s), dtype=float) for s in subsets(range(n))}
    values = []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        total = 0.0
        for s in subsets(others):
            weight = factorial(len(s)) * factorial(n - len(s) - 1) / factorial(n)
            total = total + weight * (known[tuple(sorted((*s, i)))] - known[s])
        values.append(total)
    return np.array(values)


def shapley_by_orders(v, n):
    """The same as a mean over the n! orders in which the players can come."""
    values = np.zeros((n, *np.shape(v(()))))
    for order in permutations(range(n)):
        here, before = (), v(())
        for i in order:
            here = tuple(sorted((*here, i)))
            values[i] += (v(here) - before) / factorial(n)
            before = v(here)
    return values


def interactions(v, n):
    """Grabisch & Roubens 1999: second differences of two players, weighted t!(n−t−2)!/(n−1)!."""
    known = {s: np.asarray(v(s), dtype=float) for s in subsets(range(n))}
    found = np.zeros((n, n, *np.shape(known[()])))
    for i, j in permutations(range(n), 2):
        for s in subsets([u for u in range(n) if u not in (i, j)]):
            weight = factorial(len(s)) * factorial(n - len(s) - 2) / factorial(n - 1)
            i_too, j_too, both = (tuple(sorted((*s, *more))) for more in ([i], [j], [i, j]))
            found[i, j] += weight * (known[both] - known[i_too] - known[j_too] + known[s])
    return found


def kernel_shap(v, n):
    """Lundberg & Lee 2017: weighted regression of v on all coalitions, Σφ = v(all) − v(none)."""
    first, last = np.asarray(v(())), np.asarray(v(tuple(range(n))))
    design, answers = [], []
    for s in subsets(range(n)):
        if 0 < len(s) < n:
            root = np.sqrt((n - 1) / (comb(n, len(s)) * len(s) * (n - len(s))))
            z = mask_of(s, n).astype(float)
            # φ of the last player is what the others leave of v(all) − v(none).
            design.append(root * (z[:-1] - z[-1]))
            answers.append(root * (v(s) - first - z[-1] * (last - first)))
    values, *_ = np.linalg.lstsq(np.array(design), np.array(answers), rcond=None)
    return np.vstack([values, last - first - values.sum(axis=0)])


# Kernels ---------------------------------------------------------------------------------------


def products(n_masks, blocks):
    """(block, mask, background row, its position among all members) of every question."""
    start = np.cumsum([0] + [len(b) for b in blocks])
    return [(g, c, b, start[g] + i) for g, block in enumerate(blocks) for c in range(n_masks)
            for i, b in enumerate(block)]


def number_products(masks, blocks, base_keys, flip_keys, first, n, known):
    """Ids of n questions of blocks' masks × rows; `known` maps keys to (id, row, mask) and grows.

    Keys are those of the background rows in their own order.
    """
    ids = []
    for g, c, b, _ in products(masks.shape[1], blocks)[first : first + n]:
        kept = [u for u in range(flip_keys.shape[1]) if is_kept(masks[g, c], u)]
        ids.append(_number(b, kept, base_keys, flip_keys, known, masks.shape[2]))
    return np.array(ids)


def number_submasks(starts, players, n_players, base_keys, flip_keys, first, n, known, n_words):
    """Ids of n questions of the list of all submasks of all rows."""
    ids = []
    for q in range(first, first + n):
        b = max(b for b in range(len(starts) - 1) if starts[b] <= q)
        kept = [players[b, p] for p in range(n_players[b]) if (q - starts[b]) // 2**p % 2 == 1]
        ids.append(_number(b, kept, base_keys, flip_keys, known, n_words))
    return np.array(ids)


def _number(b, kept, base_keys, flip_keys, known, n_words):
    key = [int(base_keys[half, b]) for half in range(2)]
    mask = [0] * n_words
    for u in kept:
        mask[u // 64] += 2 ** (int(u) % 64)
        for half in range(2):
            key[half] ^= int(flip_keys[half, u, b])
    return known.setdefault(tuple(key), (len(known), b, tuple(mask)))[0]


def rehash(size, keys, n_known):
    """An open table: from slot low % size on, the first free one."""
    table = np.full(size, -1)
    for i in range(n_known):
        slot = int(keys[0, i]) % size
        while table[slot] != -1:
            slot = (slot + 1) % size
        table[slot] = i
    return table


def compose_rows(background, row, unit_of_column, of_background, masks):
    out = np.empty((len(masks), len(row)))
    for q, b in enumerate(of_background):
        for c, u in enumerate(unit_of_column):
            out[q, c] = row[c] if is_kept(masks[q], u) else background[b, c]
    return out


def add_answers(blocks, first, ids, answers, weights, n_masks):
    """Sums (n_blocks, n_masks, K); weights by position among all members."""
    sums = np.zeros((len(blocks), n_masks, answers.shape[1]))
    questions = products(n_masks, blocks)[first : first + len(ids)]
    for (g, c, _, position), i in zip(questions, ids, strict=True):
        sums[g, c] += weights[position] * answers[i]
    return sums


def shapley_weights(n_players):
    """What v(S), |S| = s, counts for a player inside and (negatively) outside of S."""
    gain = np.zeros((n_players + 1, n_players + 1))
    loss = np.zeros_like(gain)
    for d in range(n_players + 1):
        for s in range(d + 1):
            if s >= 1:
                gain[d, s] = factorial(s - 1) * factorial(d - s) / factorial(d)
            if s < d:
                loss[d, s] = factorial(s) * factorial(d - s - 1) / factorial(d)
    return gain, loss


def add_marginals(starts, players, n_players, first, ids, answers, n_units):
    gain, loss = shapley_weights(max(n_players))
    values = np.zeros((len(n_players), n_units, answers.shape[1]))
    for q, i in enumerate(ids):
        b = max(b for b in range(len(n_players)) if starts[b] <= first + q)
        kept = [(first + q - starts[b]) // 2**p % 2 == 1 for p in range(n_players[b])]
        d, s = len(kept), sum(kept)
        for p in range(d):
            weight = gain[d, s] if kept[p] else -loss[d, s]
            values[b, players[b, p]] += weight * answers[i]
    return values


def add_submasks(starts, players, n_players, kept, ids, answers, weights):
    values = np.zeros((len(kept), answers.shape[1]))
    for c, row in enumerate(kept):
        for b in range(len(n_players)):
            bits = [row[players[b, p]] for p in range(n_players[b])]
            number = sum(2**p for p, bit in enumerate(bits) if bit)
            values[c] += weights[b] * answers[ids[starts[b] + number]]
    return values


def add_interactions(starts, players, n_players, first, ids, answers, weights, n_units):
    values = np.zeros((n_units, n_units, answers.shape[1]))
    for q, i in enumerate(ids):
        b = max(b for b in range(len(n_players)) if starts[b] <= first + q)
        kept = [(first + q - starts[b]) // 2**p % 2 for p in range(n_players[b])]
        d, s = len(kept), sum(kept)
        for p, o in combinations(range(d), 2):
            inside = kept[p] + kept[o]
            t = s - inside
            weight = factorial(t) * factorial(d - t - 2) / factorial(d - 1)
            values[players[b, p], players[b, o]] += weights[b] * (-1) ** inside * weight * answers[i]
    return values


# Least squares on pairs (shapley.md, part 2, steps 4–6) ----------------------------------------


def pair_weights(n_units, strata, drawn):
    weights = []
    for s in strata:
        weight = 1.0 / (s * (n_units - s) * drawn[s])
        weights.append(weight / 2 if 2 * s == n_units else weight)
    return np.array(weights)


def gram(kept, weights):
    """TᵀWT, T = tQ, t = 2z − 1, Q = I − 11ᵀ/M."""
    signs = 2.0 * kept - 1.0
    projected = signs @ (np.eye(kept.shape[1]) - 1.0 / kept.shape[1])
    total = np.zeros((kept.shape[1], kept.shape[1]))
    for weight, t in zip(weights, projected, strict=True):
        total += weight * np.outer(t, t)
    return projected, total


def solve_pairs(pairs, differences, total):
    """Values, variances and what is unexplained, of one output: differences (m,), total a number."""
    m, n_units = pairs.kept.shape
    w = pairs.weights
    projected, g = gram(pairs.kept, w)
    inverse = np.linalg.pinv(g, rcond=1e-10)
    mean_signs = [(2.0 * z - 1.0).mean() for z in pairs.kept]
    rest = np.array([differences[i] - total * mean_signs[i] for i in range(m)])
    right = sum(w[i] * projected[i] * rest[i] for i in range(m))
    values = total / n_units + inverse @ right
    e = np.array([differences[i] - (2.0 * pairs.kept[i] - 1.0) @ values for i in range(m)])
    u = []
    for i in range(m):
        leverage = w[i] * projected[i] @ inverse @ projected[i]
        u.append(w[i] * projected[i] * e[i] / (1.0 - leverage))
    middle = np.zeros((n_units, n_units))
    for s in range(1, len(pairs.drawn)):
        m_s, n_s = pairs.drawn[s], pairs.available[s]
        here = [u[i] for i in range(m) if pairs.strata[i] == s]
        if m_s < 2 or m_s == n_s:
            continue
        mean = sum(here) / m_s
        spread = sum(np.outer(x - mean, x - mean) for x in here)
        middle += (1.0 - m_s / n_s) * m_s / (m_s - 1.0) * spread
    variance = inverse @ middle @ inverse
    unexplained = 0.0
    for i in range(m):
        s = pairs.strata[i]
        leverage = w[i] * projected[i] @ inverse @ projected[i]
        fitted = 1.0 - leverage if pairs.drawn[s] < pairs.available[s] else 1.0
        unexplained += w[i] * e[i] ** 2 / fitted
    return values, np.clip(np.diag(variance), 0.0, None), unexplained


# Comparing -------------------------------------------------------------------------------------


def bytes_of(attribution):
    """All numbers of an attribution as bytes; its cost in seconds is no part of it."""
    e = attribution
    arrays = [e.values, e.standard_errors, e.base_values, e.predictions, e.base_errors, e.fidelity,
              *(e.details[name] for name in sorted(e.details))]
    # Text is as wide as the longest word of the array, which is no finding.
    return [array.tolist() if array.dtype.kind == "U" else array.tobytes() for array in arrays]


def odd_process(kept, odd, scales, rho, noise):
    """Posterior of the Shapley values: Bayesian regression on all products of 1, 3 and 5 signs.

    Coefficients are independent with variances 1/M, λ₃·ρᵢρⱼρₖ/e₃ and λ₅·ρᵢρⱼρₖρₗρₘ/e₅; a product of k
    signs gives 2β/k to each of its units.
    """
    signs = np.vstack([2.0 * kept - 1.0, np.ones(kept.shape[1])])
    n, n_units = signs.shape
    columns, variances, shares = [], [], []
    for order, scale in ((1, 1.0), (3, scales[0]), (5, scales[1])):
        groups = list(combinations(range(n_units), order))
        total = sum(np.prod(rho[list(g)]) for g in groups) if order > 1 else n_units
        for g in groups:
            columns.append(np.prod(signs[:, list(g)], axis=1))
            variances.append(scale * (np.prod(rho[list(g)]) if order > 1 else 1.0) / total)
            shares.append([2.0 / order * (u in g) for u in range(n_units)])
    design, prior, shares = np.array(columns).T, np.diag(variances), np.array(shares)
    cover = design @ prior @ design.T + np.diag(noise)
    gain = prior @ design.T @ np.linalg.inv(cover)
    spread = (prior - gain @ design @ prior) * (odd @ np.linalg.solve(cover, odd) / n)
    return shares.T @ gain @ odd, np.sqrt(np.diag(shares.T @ spread @ shares))


def even_process(signs, sets, shares, even, scales, rho, constant, jitter):
    """Posterior of the interactions of the mean game: Bayesian regression on products of 0, 2, 4.

    Each coefficient is a common one plus one of each set, c times as variable; a product of k signs
    gives 4β/(k − 1) to each two of its units.
    """
    n_units, n_sets = signs.shape[1], len(shares)
    two, four, c, sigma = scales
    e2 = sum(rho[i] * rho[j] for i, j in combinations(range(n_units), 2))
    e4 = sum(np.prod(rho[list(g)]) for g in combinations(range(n_units), 4))
    columns, variances, gives = [np.ones(len(signs))], [constant], [np.zeros((n_units, n_units))]
    for order in (2, 4):
        for g in combinations(range(n_units), order):
            columns.append(np.prod(signs[:, list(g)], axis=1))
            own = np.prod(rho[list(g)])
            variances.append(two / comb(n_units, 2) + own / e2 if order == 2 else four * own / e4)
            give = np.zeros((n_units, n_units))
            for i, j in permutations(g, 2):
                give[i, j] = 4.0 / (order - 1)
            gives.append(give)
    columns, variances = np.array(columns).T, np.array(variances)
    blocks = [columns] + [columns * (sets == g)[:, None] for g in range(n_sets)]
    design = np.hstack(blocks)
    prior = np.diag(np.concatenate([variances] + [c * variances] * n_sets))
    cover = design @ prior @ design.T
    cover += (sigma + jitter * cover[0, 0]) * np.eye(len(signs))
    gain = prior @ design.T @ np.linalg.inv(cover)
    spread = (prior - gain @ design @ prior) * (even @ np.linalg.solve(cover, even) / len(even))
    gives = np.array([g.ravel() for g in gives]).T
    functional = np.hstack([gives] + [share * gives for share in shares])
    means = functional @ gain @ even
    squares = np.einsum("pa,ab,pb->p", functional, spread, functional)
    return means.reshape(n_units, n_units), squares.reshape(n_units, n_units)


def left_after(kept, scales):
    """Total variance of the Shapley values after pairs (m, M) and that of all and none, with ρ = 1.

    Bayesian regression on all products of 1, 3 and 5 signs, as in `odd_process`.
    """
    signs = np.vstack([np.ones(kept.shape[1]), 2.0 * kept - 1.0])
    n, n_units = signs.shape
    noise = np.full(n, scales[2] + 1e-10)
    noise[0] = scales[2] * 1e-6 + 1e-10
    columns, variances, shares = [], [], []
    for order, scale in ((1, 1.0), (3, scales[0]), (5, scales[1])):
        for g in combinations(range(n_units), order):
            columns.append(np.prod(signs[:, list(g)], axis=1))
            variances.append(scale / comb(n_units, order))
            shares.append([2.0 / order * (u in g) for u in range(n_units)])
    design, prior, shares = np.array(columns).T, np.diag(variances), np.array(shares)
    cover = design @ prior @ design.T + np.diag(noise)
    left = prior - prior @ design.T @ np.linalg.solve(cover, design @ prior)
    return np.trace(shares.T @ left @ shares)


def choose_pairs(asked, pool, n, scales):
    """One by one, the first pair of the pool that leaves the least variance."""
    chosen = []
    for _ in range(n):
        left = np.array([np.inf if j in chosen else left_after(
            np.vstack([asked, pool[[*chosen, j]]]), scales) for j in range(len(pool))])
        now = left_after(np.vstack([asked, pool[chosen]]), scales)
        gains = now - left
        chosen.append(int(np.argmax(gains >= (1 - 1e-6) * gains.max())))
    return np.array(chosen)
