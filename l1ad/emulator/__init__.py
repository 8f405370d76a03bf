"""Compute the chip's integers in software: the specification in numpy, and a compiled kernel that is fast and always equal to it."""
