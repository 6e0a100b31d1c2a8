#!/usr/bin/env bash
# Write tools/hashes.txt anew: what every file of the versions in tools/constraints.txt must be, for all platforms and Pythons.
# NHV_HASHES=1 tools/setup.sh then installs nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv/bin/uv)
"$uv" pip compile --quiet --universal --python-version 3.10 --no-deps --no-header --no-annotate --generate-hashes \
    tools/constraints.txt -o tools/hashes.txt
