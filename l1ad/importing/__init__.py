"""Read networks from the sources of their firmware, as data: nothing is compiled or run, what is not understood is refused by name."""
