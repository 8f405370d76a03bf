"""Studies of what an anomaly score means: one module a study, each with one public function."""
