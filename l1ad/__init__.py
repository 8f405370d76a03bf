"""Turn Level-1 trigger autoencoders into firmware, exact to the last bit."""

__version__ = "0.1.0"
