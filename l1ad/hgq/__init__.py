"""HGQ2: read its trained models as data, with a type for each element, and evaluate them with Keras 3 where it is installed."""
