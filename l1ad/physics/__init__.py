"""Study trigger physics: rates, efficiencies and simulated events."""
