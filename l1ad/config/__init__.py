"""Read a YAML configuration into strict typed models; no dictionary leaves this package.

One file holds everything about one trigger: data, model, training, score, firmware, synthesis, rates and studies. Relative paths are
relative to the file's own folder. An unknown key, a wrong type or a missing key is an error that names file, key path and the
nearest valid key.
"""

from l1ad.config.load import Config, load_config, parse_config

__all__ = ["Config", "load_config", "parse_config"]
