#!/usr/bin/env bash
# A command as a Slurm job, called as Kaldi's slurm.pl is: slurm.pl [--gpu N] [--num_threads N] [--num_nodes N] LOG COMMAND...
# Waits until it has ended; what it says goes to LOG. Further options of sbatch: SBATCH_OPTIONS="--partition gpu --time 24:00:00".
# (The name is the one that ESPnet's launcher knows.)
set -euo pipefail
gpu=0 num_threads=1 num_nodes=1
while [[ ${1:-} == --* ]]; do
    case $1 in
        --gpu) gpu=$2 ;;
        --num_threads) num_threads=$2 ;;
        --num_nodes) num_nodes=$2 ;;
    esac
    shift 2
done
[ $# -ge 2 ] || { echo "usage: slurm.pl [--gpu N] [--num_threads N] [--num_nodes N] LOG COMMAND..." >&2; exit 1; }
log=$1
shift
mkdir -p "$(dirname "$log")"
options=(--wait --parsable --job-name espnet2_nhv --output "$log" --nodes "$num_nodes" --ntasks-per-node 1
    --cpus-per-task "$num_threads")
[ "$gpu" -eq 0 ] || options+=(--gres "gpu:$gpu")
# shellcheck disable=SC2086
{ printf '#!/usr/bin/env bash\ncd %q\n' "$PWD"; printf '%q ' "$@"; echo; } | sbatch "${options[@]}" ${SBATCH_OPTIONS:-}
