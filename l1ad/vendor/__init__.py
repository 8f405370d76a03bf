"""Drive AMD's HLS and Vivado where they are installed, and read their reports wherever they come from."""
