"""Training: teachers, lessons, the quantised recipe, and the exact integer network at its end."""
