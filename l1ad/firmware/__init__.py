"""What a firmware is made of, whatever makes it: ports, clock and part, thresholds, golden vectors."""
