#!/usr/bin/env bash
# Singing from scores: XiaoiceSing alone, then trained as one with NHV; each synthesises the eval songs and is scored.
# Works in the current folder, after stages 1 to 4 of run.sh with NHV there (or 1 to 3 and --vocoder). Does again what it is
# asked for; trainings go on.
#
# Stages: 1 scores and labels, 2 statistics, 3 XiaoiceSing, 4 XiaoiceSing and NHV as one, 5 synthesis by XiaoiceSing
# with Griffin-Lim, with NHV, and by the joint model, 6 scores, 7 NHV fine-tuned on XiaoiceSing's mel, 8 VISinger with
# NHV for its decoder (7 and 8 not by default).

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Options
stage=1                     # first stage to run
stop_stage=6                # last stage to run
datadir=data                # Kaldi data dirs, of run.sh
dumpdir=dump                # audio and features, of run.sh
vocoder=exp/nhv/vocoder     # the trained NHV
scoredir=data/score         # scores, labels and F0 as ESPnet reads them
expdir=exp/joint            # models, waveforms, results
conf=note                   # note: XiaoiceSing on the note; ESPnet's own: small (minutes on a CPU) or real (a GPU)
finetune=50steps            # training of stage 7: time or steps
inference_model=latest.pth  # checkpoint that sings
train_args=""               # further options of stage 3, 4, 7 or 8, e.g. "--max_epoch 20 --seed 1"
ngpu=0                      # GPUs (0: CPU)
nj=2                        # parallel jobs of scoring
set=eval                    # what to sing
optional_metrics=""         # further metrics, as in run.sh, e.g. "distillmos plcmos"
systems="griffin_lim nhv joint" # what sings: XiaoiceSing with these, or the joint model; after stage 7 nhv_finetuned, after 8 visinger
python=""                   # Python to use (empty: .venv of the repository)
# End of options

. "$root/local/parse_options.sh"

fail() { echo "error: $*" >&2; exit 1; }
say() { echo; echo "== $*"; }
case $conf in
    small | note) confdir=$root/conf/joint/$conf ;;
    real) confdir=$root/conf/joint ;;
    *) fail "--conf is '$conf'; give note, small or real" ;;
esac
[ -n "$python" ] || python=$root/.venv/bin/python
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
export PYTHONWARNINGS=ignore
[ -e "$dumpdir/spec.yaml" ] || fail "$dumpdir/spec.yaml is missing: run run.sh up to stage 3 first, or name --dumpdir"

mapfile -t features < <($python "$root/local/espnet_options.py" "$dumpdir/spec.yaml")
[ ${#features[@]} -gt 0 ] || fail "$dumpdir/spec.yaml cannot be read"
run="$python -m espnet2_nhv.run"

pitch=pitch # or hertz
sources() { # sources OPTION SET: ESPnet's names for the files of a set
    local folder=$scoredir/$2
    echo "--$1_data_path_and_name_and_type $folder/text,text,text"
    echo "--$1_data_path_and_name_and_type $folder/label,label,duration"
    echo "--$1_data_path_and_name_and_type $folder/score.scp,score,score"
    echo "--$1_data_path_and_name_and_type $folder/wav.scp,singing,sound"
    echo "--$1_data_path_and_name_and_type $folder/$pitch.scp,pitch,kaldi_ark"
}

train() { # train PROGRAM CONFIG OUT OPTIONS...: all that ESPnet says is in OUT/train.log, the epochs are shown
    local program=$1 config=$2 out=$3 status=0
    shift 3
    mkdir -p "$out"
    # shellcheck disable=SC2046
    { $run -m "espnet2.bin.$program" --config "$config" --output_dir "$out" --use_preprocessor true --token_type phn \
        --cleaner none --g2p none --token_list "$scoredir/tokens.txt" "${features[@]}" $(sources train train) \
        $(sources valid dev) "$@" 2>&1 || status=$?; echo $status > "$out/status"; } |
        tee -a "$out/train.log" | { grep --line-buffered -E "epoch( results|:train)|^error" | sed -u 's/^.*INFO: //' || true; }
    status=$(cat "$out/status")
    rm "$out/status"
    [ "$status" -eq 0 ] || { echo "error: $program failed, see $out/train.log" >&2; exit "$status"; }
}

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
    say "stage 1: scores and labels"
    $python "$root/local/song_data.py" --data "$datadir" --dump "$dumpdir" --out "$scoredir"
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
    say "stage 2: statistics"
    train svs_train "$confdir/xiaoice.yaml" "$expdir/stats" --normalize none --collect_stats true \
        --train_shape_file "$scoredir/train/wav.scp" --valid_shape_file "$scoredir/dev/wav.scp"
fi

shapes=(--train_shape_file "$expdir/stats/train/singing_shape" --valid_shape_file "$expdir/stats/valid/singing_shape"
    --normalize_conf "stats_file=$expdir/stats/train/feats_stats.npz" --resume true --ngpu "$ngpu"
    --multiprocessing_distributed true)

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
    say "stage 3: XiaoiceSing"
    # shellcheck disable=SC2086
    train svs_train "$confdir/xiaoice.yaml" "$expdir/xiaoice" "${shapes[@]}" $train_args
fi

if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
    say "stage 4: XiaoiceSing and NHV as one"
    # shellcheck disable=SC2086
    train gan_svs_train "$confdir/xiaoice_nhv.yaml" "$expdir/xiaoice_nhv" "${shapes[@]}" \
        --init_param "$expdir/xiaoice/$inference_model:svs:svs.generator.score2mel" \
        --svs_conf "vocoder_params={init_vocoder: $vocoder}" $train_args
fi

sing() { # sing MODEL TASK OUT OPTIONS...: the set from its scores, timed as the labels are so that it can be scored
    local model=$1 task=$2 out=$3
    shift 3
    # shellcheck disable=SC2046
    $run --durations label -m espnet2.bin.svs_inference --ngpu "$((ngpu > 0))" --svs_task "$task" \
        --train_config "$expdir/$model/config.yaml" --model_file "$expdir/$model/$inference_model" \
        --output_dir "$out" --log_level WARNING "$@"
}
given() { sources "" "$1" | grep -v pitch | sed 's/^--_/--/'; }

if [ "$stage" -le 5 ] && [ "$stop_stage" -ge 5 ]; then
    for name in $systems; do
        say "stage 5: $name"
        out=$expdir/$name/decode/$set
        case $name in
            nhv_finetuned) options=(xiaoice svs "$out" --vocoder_checkpoint "$expdir/nhv_finetuned/vocoder") ;;
            griffin_lim) options=(xiaoice svs "$out" --vocoder_checkpoint griffin_lim) ;;
            nhv) options=(xiaoice svs "$out" --vocoder_checkpoint "$vocoder") ;;
            joint) options=(xiaoice_nhv gan_svs "$out") ;;
            visinger) options=(visinger_nhv gan_svs "$out") ;;
        esac
        # shellcheck disable=SC2046
        sing "${options[@]}" $(given "$set" | grep -v singing)
        cp "$out/wav/wav.scp" "$out/wav.scp"
    done
fi

if [ "$stage" -le 6 ] && [ "$stop_stage" -ge 6 ]; then
    say "stage 6: scores"
    for name in $systems; do
        # shellcheck disable=SC2086
        $python -m espnet2_nhv.bin.score --data "$dumpdir/$set" --decode "$expdir/$name/decode/$set" --nj "$nj" \
            ${optional_metrics:+--optional $optional_metrics}
    done
    # shellcheck disable=SC2086
    $python -m espnet2_nhv.bin.report --expdir "$expdir" --vocoders $systems --sets "$set" \
        --command "$command" --dumpdir "$dumpdir" --notes "$scoredir/$set/notes.json" --nj "$nj" \
        --made_from "their scores (the labels' timing, XiaoiceSing's mel and F0)"
    cat "$expdir/RESULTS.md"
    # shellcheck disable=SC2086
    $python "$root/local/note_scores.py" --score "$scoredir/$set" --data "$dumpdir/$set" \
        --decode $(for name in $systems; do echo "$expdir/$name/decode/$set"; done) | tee "$expdir/NOTES.md"
fi

if [ "$stage" -le 7 ] && [ "$stop_stage" -ge 7 ]; then
    say "stage 7: NHV fine-tuned on XiaoiceSing's mel"
    for part in train dev; do
        # shellcheck disable=SC2046
        sing xiaoice svs "$expdir/predicted/decode/$part" --use_teacher_forcing true $(given "$part")
        $python "$root/local/predicted_dump.py" --decode "$expdir/predicted/decode/$part" --dump "$dumpdir/$part" \
            --out "$expdir/predicted/dump/$part" --vocoder "$vocoder"
    done
    # shellcheck disable=SC2086
    $python -m espnet2_nhv.bin.train --config "$root/conf/train/finetune/nhv.yaml" --init_vocoder "$vocoder" \
        --train_data "$expdir/predicted/dump/train" --valid_data "$expdir/predicted/dump/dev" \
        --stats_dir "$expdir/predicted/stats" --output_dir "$expdir/nhv_finetuned" --ngpu "$ngpu" \
        --budget "$finetune" --licence "$(cat licence 2> /dev/null || echo unknown)" --trained_on scores \
        --inference_model "$inference_model" $train_args
fi

if [ "$stage" -le 8 ] && [ "$stop_stage" -ge 8 ]; then
    say "stage 8: VISinger with NHV for its decoder"
    pitch=hertz
    # shellcheck disable=SC2086
    train gan_svs_train "$root/conf/joint/visinger_nhv.yaml" "$expdir/visinger_nhv" "${shapes[@]}" $train_args
fi
