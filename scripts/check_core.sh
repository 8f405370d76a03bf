#!/usr/bin/env bash
# Run the core's tests in a clean environment without any extra. PYTHON chooses the interpreter; else the newest that is found.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-}
if [ -z "$python" ]; then
  for candidate in python3.13 python3.12 python3.11 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
      python=$candidate
      break
    fi
  done
fi
if [ -z "$python" ]; then
  echo "CPython 3.11 to 3.13 was not found as python3.13, python3.12, python3.11 or python3; install one or set PYTHON to its path." >&2
  exit 2
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "The core's tests on $("$python" --version) …" >&2
"$python" -m venv "$folder/environment"
"$folder/environment/bin/python" -m pip install --quiet --disable-pip-version-check -e ".[test]"
"$folder/environment/bin/python" -m pytest -p no:cacheprovider --core -n 2 --dist loadfile -m "not slow" "$@"
