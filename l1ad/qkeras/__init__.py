"""QKeras: build its models from networks, evaluate them, and import models made with it."""
