"""The kinds that every room shares: fixed point, layouts, networks, datasets, artefacts."""
