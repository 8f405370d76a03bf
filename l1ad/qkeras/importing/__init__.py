"""Read models made elsewhere as data: nothing in the file is executed, what is not understood is refused by name."""
