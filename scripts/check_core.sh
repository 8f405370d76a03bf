#!/usr/bin/env bash
# Run the core's tests in a clean environment without any extra. PYTHON chooses the interpreter; else the newest that is found on the
# path or among pyenv's versions. Arguments go to pytest. With --newer-only nothing is run where no Python after 3.11 is found.
set -euo pipefail
cd "$(dirname "$0")/.."

newer_only=no
if [ "${1:-}" = "--newer-only" ]; then newer_only=yes; shift; fi

# Is this an interpreter of version 3.$2 that runs? (A shim of pyenv's may be there for a version that is not chosen.)
is_version() { "$1" -c "import sys; sys.exit(sys.version_info[:2] != (3, $2))" 2>/dev/null; }

newest() {
  local minor candidate
  for minor in 13 12 11; do
    for candidate in "python3.$minor" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor".*/bin/python python3; do
      if command -v "$candidate" >/dev/null && is_version "$candidate" "$minor"; then echo "$candidate"; return; fi
    done
  done
}

python=${PYTHON:-$(newest)}
if [ -z "$python" ]; then
  echo "CPython 3.11 to 3.13 was not found on the path or among pyenv's versions; install one or set PYTHON to its path." >&2
  exit 2
fi
if [ "$newer_only" = yes ] && is_version "$python" 11; then
  echo "No Python after 3.11 is installed here: the core is not tested on a newer one." >&2
  exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "The core's tests on $("$python" --version) …" >&2
"$python" -m venv "$folder/environment"
if [ -x .venv/bin/uv ]; then
  .venv/bin/uv pip install --quiet --python "$folder/environment/bin/python" -e ".[test]"
else
  "$folder/environment/bin/python" -m pip install --quiet --disable-pip-version-check -e ".[test]"
fi
"$folder/environment/bin/python" -m pytest -p no:cacheprovider --core -n 2 --dist loadfile -m "not slow" "$@"
