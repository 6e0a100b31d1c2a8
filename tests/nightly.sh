#!/usr/bin/env bash
# What takes too long for test.sh: ten thousand fuzzed files and arrays, thirty kills of every stage, an hour of sound.
# Usage: tests/nightly.sh [fuzz] [kills] [numbers] [hour]   (all of them if none is given); options go to nothing else.
set -uo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 PYTHONPATH=$PWD
parts=${*:-fuzz kills numbers hour}
failed=0
try() { echo "== $*"; "$@" || failed=1; }
for part in $parts; do
    case $part in
        fuzz) NHV_FUZZ=10000 try .venv/bin/python -m pytest -q tests/test_fuzz.py tests/test_fuzz_scores.py ;;
        kills) NHV_KILLS=30 try .venv/bin/python -m pytest -q tests/test_kills.py tests/train/test_train_kills.py ;;
        numbers) NHV_NUMBERS=10000 try .venv/bin/python -m pytest -q tests/export/test_any_numbers.py ;;
        hour) try .venv/bin/python tests/hour.py ;;
        *) echo "error: there is no part '$part'; there are fuzz, kills, numbers, hour" >&2; exit 1 ;;
    esac
done
exit $failed
