"""Compute anomaly scores in float64 and in integers, and judge them."""
