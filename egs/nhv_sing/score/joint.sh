#!/usr/bin/env bash
# Singing from the scores of this corpus, with its results in this folder; after run.sh. Options: joint.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec ../../../local/joint.sh "$@"
