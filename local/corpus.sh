#!/usr/bin/env bash
# Run a corpus's script: corpus.sh SCRIPT [--python PYTHON] OPTIONS...   The options are the script's own.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=$1
shift
python=python3
[ ! -x "$root/.venv/bin/python" ] || python=$root/.venv/bin/python
options=()
while [ $# -gt 0 ]; do
    case $1 in
        --python) python=${2:?--python needs a value}; shift 2 ;;
        *) options+=("$1"); shift ;;
    esac
done
# A path may have spaces in it; anything else is a command with its arguments.
if [ -x "$python" ]; then command=("$python"); else read -r -a command <<< "$python"; fi
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "${command[@]}" "$root/local/$script" ${options[@]+"${options[@]}"}
