"""The scan: proposing networks, trying them cheaply, and proving those that none beats."""
