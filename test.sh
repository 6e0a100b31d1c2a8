#!/usr/bin/env bash
# Set up the environment and run all tests, two files at a time. Options go to pytest: ./test.sh -k nhv -x
# Tests of real singing run where PJS names the folder PJS_corpus_ver1.1.
set -euo pipefail
cd "$(dirname "$0")"
tools/setup.sh test
# Threads of several libraries on few cores only get in one another's way.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
.venv/bin/ruff check .
.venv/bin/ruff format --check .
exec .venv/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder "$@"
