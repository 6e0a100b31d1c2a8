#!/usr/bin/env bash
# The recipe on the corpus `score`, with its results in this folder. Options are those of the root run.sh (--help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec ../../../run.sh --corpus score "$@"
