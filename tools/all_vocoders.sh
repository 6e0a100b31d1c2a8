#!/usr/bin/env bash
# Every vocoder from nothing to the page, on the built-in corpus: tools/all_vocoders.sh [--folder F] [--budget 20s] ...
# A check that none fails, not what any is worth: eval is one phrase of the soprano, since some compute for half a minute
# for a second of sound. Hours on a CPU still. Options are those of run.sh; --vocoders "a b" takes fewer.
# Goes on where it stopped. Ends with status 1 and the reasons if a vocoder has no scores or the page lacks it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=exp/all_vocoders python="" vocoders=all budget=20s rest=()
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || { echo "error: $1 needs a value" >&2; exit 2; }
    case $1 in
        --folder) folder=$2 ;;
        --python) python=$(command -v "$2") ;;
        --vocoders) vocoders=$2 ;;
        --budget) budget=$2 ;;
        *) rest+=("$1" "$2") ;;
    esac
    shift 2
done
mkdir -p "$folder"
if [ -z "$python" ]; then
    "$root/tools/setup.sh"
    python=$root/.venv/bin/python
fi
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
cd "$folder"
status=0
# Epochs of time: a step of some takes seconds.
"$root/run.sh" --python "$python" --corpus demo --local_data_opts "--eval_voices soprano" --sets eval \
    --train_config "$root/conf/train" --vocoders "$vocoders" \
    --budget "$budget" --utterances 2 --inference_model latest.pth \
    --train_args "--batch_size 2 --segment_frames 32 --valid_segments 4 --num_iters_per_epoch 100000 --use_tensorboard false" \
    ${rest[@]+"${rest[@]}"} || status=$?
[ "$status" -le 1 ] || exit "$status"
[ "$vocoders" != all ] || vocoders=$(cd "$root/conf/train" && for file in [!_]*.yaml; do echo "${file%.yaml}"; done)
exec "$python" - $vocoders <<'PYTHON'
import json
import sys
from pathlib import Path

rows = {row["vocoder"]: row for row in json.loads(Path("exp/RESULTS.json").read_text()) if row["set"] == "eval"}
reasons = {name: rows[name]["error"] if name in rows else "it has no row" for name in sys.argv[1:]}
for name in sys.argv[1:]:
    if reasons[name] is None and not list(Path("exp/report/data/eval").glob(f"*/*-{name}.js")):
        reasons[name] = "the page has no sound of it"
failed = {name: reason for name, reason in reasons.items() if reason is not None}
for name, reason in failed.items():
    print(f"{name}: {reason}", file=sys.stderr)
print(f"{len(reasons) - len(failed)} of {len(reasons)} vocoders went from nothing to the page")
sys.exit(bool(failed))
PYTHON
