"""Hostile files for ``scripts/fuzz.py``, and the doors that must refuse them."""
