"""Describe a latent representation without labels: entropy, stability over subsets, uniformity of its density."""

from __future__ import annotations

import numpy as np

from l1ad.core.fixed import FloatArray

#: Events on which densities are estimated; pairs are quadratic.
_DENSITY_EVENTS = 2_000
_NEIGHBOURS = 10


def latent_entropy(latent: FloatArray, weight: FloatArray) -> float:
    """Return the entropy ``-sum v log v`` of the normalised variances of the latent values, in nats; 0 where nothing varies.

    Args:
        latent: shape ``(n_events, n_latent)``.
        weight: shape ``(n_events,)``.
    """
    mean = np.average(latent, axis=0, weights=weight)
    variance = np.average((latent - mean) ** 2, axis=0, weights=weight)
    total = float(variance.sum())
    if not total > 0:
        return 0.0
    share = variance[variance > 0] / total
    return float(max(0.0, -(share * np.log(share)).sum()))


def subset_stability(latent: FloatArray, weight: FloatArray, n_subsets: int) -> tuple[float | None, float]:
    """Compare the mean latent vectors of background subsets (every n-th event), pair by pair.

    Returns:
        Mean cosine similarity (None where a mean is the zero vector), and mean Euclidean distance in units of the root of the summed
        variances, 0 where nothing varies.
    """
    means = np.array([np.average(latent[k::n_subsets], axis=0, weights=weight[k::n_subsets]) for k in range(n_subsets)])
    norms = np.linalg.norm(means, axis=1)
    pairs = np.triu_indices(n_subsets, 1)
    distance = np.linalg.norm(means[:, None] - means[None], axis=2)[pairs]
    centre = np.average(latent, axis=0, weights=weight)
    scale = float(np.sqrt(np.average(((latent - centre) ** 2).sum(axis=1), weights=weight)))
    cosine = float(np.mean((means @ means.T / np.outer(norms, norms))[pairs])) if (norms > 0).all() else None
    return cosine, float(distance.mean()) / scale if scale > 0 else 0.0


def density_uniformity(latent: FloatArray, seed: int) -> tuple[float, float | None]:
    """Return how uniform the density is, 1 for perfectly: ``1 / (1 + scatter / mean)`` of a local density, on a drawn subset.

    Returns:
        By the distance to the tenth nearest neighbour, and by a Gaussian kernel density (None where its covariance is singular).
    """
    from scipy.stats import gaussian_kde
    from sklearn.neighbors import NearestNeighbors

    chosen = np.random.default_rng(seed).permutation(len(latent))[:_DENSITY_EVENTS]
    points = np.ascontiguousarray(latent[np.sort(chosen)])
    neighbours = min(_NEIGHBOURS, len(points) - 1)
    distance = NearestNeighbors(n_neighbors=neighbours + 1).fit(points).kneighbors(points)[0][:, -1]
    try:
        density = gaussian_kde(points.T)(points.T)
    except (np.linalg.LinAlgError, ValueError):
        return _uniformity(distance), None
    return _uniformity(distance), _uniformity(density)


def _uniformity(values: FloatArray) -> float:
    mean = float(values.mean())
    return 1.0 / (1.0 + float(values.std()) / mean) if mean > 0 else 0.0
