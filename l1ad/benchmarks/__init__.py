"""Measure speed and memory, against the peers in the same run."""
