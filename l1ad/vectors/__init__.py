"""Write the text files that laboratories play into boards, and read what they capture."""
