"""Read and write the file formats of the experiments, as hardware integers of an object layout."""
