"""Describe, write and simulate the HLS project of a network: the only part of the package that imports hls4ml."""
