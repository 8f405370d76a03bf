"""Simulate trigger events: Pythia 8 collisions, pile-up, a parametrised detector and the Level-1 objects it would send."""
