#!/usr/bin/env bash
# Everything CI runs: lint, format, types, tests; then the core's tests without any extra, whole on the newest Python, in part on 3.11.
# With arguments only the tests they name.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
.venv/bin/pytest -n 2 --dist loadfile -m "not slow" "$@"
[ $# -eq 0 ] || exit 0
PYTHON=.venv/bin/python scripts/check_core.sh tests/core tests/config tests/graph tests/spec tests/test_api.py tests/test_cli_config.py
scripts/check_core.sh --newer-only
