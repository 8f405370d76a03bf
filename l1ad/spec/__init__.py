"""The specification in code, written by hand from the network and apart from every backend."""
