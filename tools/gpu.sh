#!/usr/bin/env bash
# Spend some minutes of a GPU in order of worth: tools/gpu.sh --minutes 60 --dump dump; --help lists the options.
# For a machine with CUDA, PyTorch and ESPnet (PYTHON names its Python; .venv is taken where it is there). WHEELS
# names a folder of wheels to put on its path first, without a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-}
if [ -z "$python" ]; then
    python=python3
    [ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python
fi
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} PYTHONWARNINGS=ignore OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
if [ -n "${WHEELS:-}" ]; then
    site=$WHEELS/site
    [ -d "$site" ] || "$python" -m pip install --quiet --no-index --no-deps --target "$site" "$WHEELS"/*.whl
    export PYTHONPATH=$PYTHONPATH:$site
fi
exec "$python" "$root/local/gpu.py" "$@"
