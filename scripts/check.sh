#!/usr/bin/env bash
# Everything CI runs: lint, format, types, tests.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
.venv/bin/pytest -n 2 --dist loadfile -m "not slow" "$@"
