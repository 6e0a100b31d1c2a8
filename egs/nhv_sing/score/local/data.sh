#!/usr/bin/env bash
# Stage 1: data.sh --db_root DIR --data DATADIR [--python PYTHON] writes DATADIR/{train,dev,eval}.
exec "$(dirname "${BASH_SOURCE[0]}")/../../../../local/corpus.sh" score_data.py "$@"
