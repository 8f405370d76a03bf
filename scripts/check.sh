#!/usr/bin/env bash
# Everything CI runs: lint, format, types, tests; then the heart of the core's tests without any extra, on 3.11 and on the newest Python.
# With arguments only the tests they name.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
.venv/bin/pytest -n 2 --dist loadfile -m "not slow" "$@"
[ $# -eq 0 ] || exit 0
heart=(tests/core tests/config tests/spec tests/test_api.py tests/test_cli_config.py)
PYTHON=.venv/bin/python scripts/check_core.sh "${heart[@]}"
scripts/check_core.sh --newer-only "${heart[@]}"
