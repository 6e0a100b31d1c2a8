#!/usr/bin/env bash
# A command on this machine, called as Kaldi's run.pl is: run.pl [--gpu N] [--num_threads N] LOG COMMAND...
# What it says goes to LOG. (The name is the one that ESPnet's launcher knows.)
set -uo pipefail
while [[ ${1:-} == --* ]]; do shift 2; done
[ $# -ge 2 ] || { echo "usage: run.pl [--gpu N] [--num_threads N] LOG COMMAND..." >&2; exit 1; }
log=$1
shift
mkdir -p "$(dirname "$log")"
{ echo "# $(printf '%q ' "$@")"; echo "# started at $(date)"; } > "$log"
status=0
"$@" >> "$log" 2>&1 || status=$?
echo "# ended with status $status at $(date)" >> "$log"
[ $status -eq 0 ] || echo "error: failed with status $status, see $log" >&2
exit $status
