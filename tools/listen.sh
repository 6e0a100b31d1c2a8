#!/usr/bin/env bash
# Make docs/listen anew, after the default voice has changed: tools/listen.sh; --help lists the options.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ "${1:-}" = --python ]; then
    python=$2
    shift 2
else
    "$root/tools/setup.sh"
    python=$root/.venv/bin/python
fi
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} PYTHONWARNINGS=ignore exec "$python" "$root/local/listen.py" "$@"
