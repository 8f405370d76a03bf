"""Build, train and evaluate QKeras models: the only part of the package that imports QKeras."""
