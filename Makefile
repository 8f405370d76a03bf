# Each target calls one command; see README.md. CONFIG chooses the configuration.
CONFIG ?= configs/demo.yaml
L1AD := .venv/bin/l1ad
ARGS ?=

.PHONY: setup demo test test-core docs data simulate train train-qat hls-csim synth report rates studies verify emulator networks bench doctor clean

setup:
	@scripts/setup.sh

demo: setup
	$(L1AD) run configs/demo.yaml $(ARGS)

test: setup
	scripts/check.sh

test-core:
	scripts/check_core.sh $(ARGS)

docs: setup
	.venv/bin/mkdocs build --strict

data: setup
	$(L1AD) prepare $(CONFIG) $(ARGS)

simulate: setup
	$(L1AD) simulate $(CONFIG) $(ARGS)

train: setup
	$(L1AD) prepare $(CONFIG)
	$(L1AD) train $(CONFIG) --float $(ARGS)

train-qat: setup
	$(L1AD) prepare $(CONFIG)
	$(L1AD) train $(CONFIG) $(ARGS)

hls-csim: setup
	$(L1AD) convert $(CONFIG)
	$(L1AD) csim $(CONFIG) $(ARGS)

synth: setup
	$(L1AD) synth $(CONFIG) $(ARGS)

report: setup
	$(L1AD) report $(CONFIG) $(ARGS)

rates: setup
	$(L1AD) rates $(CONFIG) $(ARGS)

studies: setup
	$(L1AD) study all $(CONFIG) $(ARGS)

verify: setup
	$(L1AD) verify $(CONFIG) $(ARGS)

emulator: setup
	$(L1AD) emulator $(CONFIG) $(ARGS)

networks: setup
	.venv/bin/python scripts/network_table.py $(ARGS)

bench: setup
	$(L1AD) bench all $(ARGS)

doctor: setup
	$(L1AD) doctor

clean:
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache
	find hls_projects -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
