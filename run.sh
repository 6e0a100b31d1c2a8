#!/usr/bin/env bash
# From a singing corpus to vocoders side by side: prepares data, extracts features, trains, decodes and scores.
# Sets up its own environment (.venv) first. Writes data/, dump/ and exp/ in the current folder; what is done already
# is not done again, so the same command also goes on after an interruption.
#
# Stages: 1 data preparation, 2 audio, 3 features, 4 training, 5 decoding, 6 scoring.
# A corpus may have defaults of its own: egs/nhv_sing/CORPUS/defaults.sh.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Options
stage=1                # first stage to run
stop_stage=6           # last stage to run
corpus=demo            # a folder under egs/nhv_sing: demo, wav, kaldi, pjs, score, voices
db_root=""             # where the corpus lies (wav: any folder of audio; kaldi: a data dir; voices: folders; demo needs none)
local_data_opts=""     # further options of the corpus's local/data.sh, e.g. "--dev_voices olpc_male" of voices
vocoders=""            # which to train, decode and score; all: all with a training config (empty: nhv hifigan; of a tier all)
tier=""                # training configs under conf/train that are the same for all but in the vocoder: light, full
feature=44k_hop256     # feature preset, a file under conf/feature
f0_method=swift        # pitch tracker of the features: swift, harvest, dio, fcpe (scores have their own, always harvest)
train_config=""        # folder of training configs, VOCODER.yaml each (empty: conf/train/CORPUS, and conf/train for those it lacks)
train_args=""          # further options of the trainer, e.g. "--max_epoch 20 --batch_size 8"
budget=""              # training time or steps of each vocoder: 90s, 30m, 2h or 20000steps (empty: the config's max_epoch)
peers=""               # trained elsewhere, decoded and scored too: "NAME=DIR; NAME=command {inp} {out}; ..."
refiner=""             # a saved refiner that mels pass before each vocoder
init_vocoder=""        # a saved vocoder to start training from
inference_model=valid.generator_loss.best.pth # checkpoint that is decoded
sets="dev eval"        # which sets are decoded and scored: dev, eval or both (one may do where a vocoder is slow)
robustness=false       # measure held notes, other keys, time and memory too (minutes for each vocoder)
robustness_args=""     # further options of bin.robustness, e.g. "--held 10 --phrases 1 --limit 60"
optional_metrics=""    # further metrics, where their package is installed: "visqol pesq distillmos plcmos dnsmos"
utterances=50          # of each set on the listening page, at most
licence=""             # of the trained weights, written beside them (empty: the corpus's, where it is known; of voices the strictest)
ngpu=0                 # GPUs (0: CPU), of each machine
num_nodes=1            # machines that train together (slurm)
cmd=""                 # how trainings start: local or slurm, by ESPnet's launcher, see local/cmd.sh (empty: directly)
nj=2                   # parallel jobs of data preparation, features and scoring
tag=""                 # suffix of the experiment folders
datadir=data           # Kaldi data dirs
dumpdir=dump           # audio and features
expdir=exp             # models, waveforms, results
speed_factors=""       # take every training recording at these speeds too, e.g. "1.2 1.45": a voice of several pitches
speed_speakers=""      # only those of these speakers, e.g. "pjs" (empty: everybody's)
balance_voices=""      # true or false: training hears a voice by the root of its minutes (empty: true for the corpus voices)
allow_upsampling=false # take audio below the spec's sampling rate, saying what bandwidth is real
strict=false           # a bad file or utterance is an error rather than listed and skipped
python=""              # Python to use (empty: .venv, set up first)
# End of options

_before=""
for _word in "$@"; do
    [ "$_before" != --corpus ] || corpus=$_word
    _before=$_word
done
default_vocoders="nhv hifigan"
[ ! -e "$root/egs/nhv_sing/$corpus/defaults.sh" ] || . "$root/egs/nhv_sing/$corpus/defaults.sh"
. "$root/local/parse_options.sh"
. "$root/local/cmd.sh"

fail() { echo "error: $*" >&2; exit 1; }
say() { echo; echo "== $*"; }
for _number in stage stop_stage ngpu nj utterances; do
    [[ ${!_number} =~ ^[0-9]+$ ]] || fail "--$_number is '${!_number}', but a whole number is needed"
done
[ -e "$root/egs/nhv_sing/$corpus/local/data.sh" ] ||
    fail "there is no corpus '$corpus'; there are $(cd "$root/egs/nhv_sing" && echo *)"
[ -e "$root/conf/feature/$feature.yaml" ] ||
    fail "there is no feature preset '$feature'; there are $(cd "$root/conf/feature" && echo *.yaml | sed 's/\.yaml//g')"
if [ -n "$tier" ]; then
    [ -z "$train_config" ] || fail "--tier and --train_config both say where the training configs are; give one"
    [ -e "$root/conf/train/$tier/_$tier.yaml" ] || fail "there is no tier '$tier'; there are light and full"
    train_config=$root/conf/train/$tier
fi
[ -n "$vocoders" ] || vocoders=$([ -n "$tier" ] && echo all || echo "$default_vocoders")
if [ -n "$train_config" ]; then configs=("$train_config"); else configs=("$root/conf/train/$corpus" "$root/conf/train"); fi
config_of() { # config_of VOCODER: its training config, of the first folder that has one
    local folder
    for folder in "${configs[@]}"; do
        if [ -e "$folder/$1.yaml" ]; then echo "$folder/$1.yaml"; return 0; fi
    done
    return 1
}
if [ "$vocoders" = all ]; then
    vocoders=$(for folder in "${configs[@]}"; do
        for _file in "$folder"/[!_]*.yaml; do [ ! -e "$_file" ] || basename "$_file" .yaml; done
    done | sort -u)
fi
case $balance_voices in
    "" | true | false) ;;
    *) fail "--balance_voices is '$balance_voices'; give true or false" ;;
esac
case $sets in
    dev | eval | "dev eval" | "eval dev") ;;
    *) fail "--sets is '$sets'; give dev, eval or 'dev eval'" ;;
esac
declare -A peer_of=()
IFS=';' read -ra _peers <<< "$peers"
for _peer in ${_peers[@]+"${_peers[@]}"}; do
    _name=$(echo "${_peer%%=*}" | tr -d ' ')${tag:+_$tag}
    [[ $_peer == *=* && -n $_name ]] || fail "--peers has '$_peer'; give NAME=DIR or NAME=command {inp} {out}"
    peer_of[$_name]=$_name=${_peer#*=}
done
[ -n "${vocoders// /}" ] || fail "--vocoders is empty; give one or more"
for vocoder in $vocoders; do
    config_of "$vocoder" > /dev/null ||
        fail "there is no training config ${configs[*]: -1}/$vocoder.yaml for vocoder '$vocoder'"
done
# Folders of two corpora must not be mixed.
if [ -e "$datadir/corpus" ] && [ "$(cat "$datadir/corpus")" != "$corpus $db_root" ] && [ "$stage" -le 1 ]; then
    fail "$datadir/ holds corpus '$(cat "$datadir/corpus")', not '$corpus $db_root': use other folders" \
        "(--datadir, --dumpdir, --expdir, or run egs/nhv_sing/$corpus/run.sh), or remove $datadir, $dumpdir and $expdir"
fi

[ -z "$cmd" ] || launcher=$(launcher_of "$cmd") || exit 1
[ "$num_nodes" -le 1 ] || [ "$cmd" = slurm ] || fail "--num_nodes $num_nodes needs --cmd slurm"

if [ -z "$python" ]; then
    "$root/tools/setup.sh"
    python=$root/.venv/bin/python
fi
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
export PYTHONWARNINGS=ignore
[ -n "$balance_voices" ] || balance_voices=$([ "$corpus" = voices ] && echo true || echo false)
strict_option=$([ "$strict" = false ] || echo --strict)

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
    say "stage 1: data preparation of $corpus"
    # shellcheck disable=SC2086
    "$root/egs/nhv_sing/$corpus/local/data.sh" --python "$python" --data "$datadir" ${db_root:+--db_root "$db_root"} \
        $local_data_opts
    echo "$corpus $db_root" > "$datadir/corpus"
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
    say "stage 2: audio to $dumpdir"
    for set in train dev eval; do
        $python -m espnet2_nhv.bin.prepare --data "$datadir/$set" --out "$dumpdir/$set" \
            --spec "$root/conf/feature/$feature.yaml" --nj "$nj" $strict_option \
            $([ "$allow_upsampling" = false ] || echo --allow_upsampling) \
            $([ "$set" != train ] || [ -z "$speed_factors" ] || echo --speed_factors $speed_factors) \
            $([ "$set" != train ] || [ -z "$speed_speakers" ] || echo --speed_speakers $speed_speakers) \
            $([ "$set" != train ] || [ "$balance_voices" = false ] || echo --balance_voices)
    done
fi

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
    say "stage 3: features"
    for set in train dev eval; do
        $python -m espnet2_nhv.bin.extract --data "$dumpdir/$set" --nj "$nj" --f0_method "$f0_method" $strict_option
    done
fi

# One vocoder's failure must not cost the others their results: it is noted, and shown in the table.
failed=0
attempt() { # attempt WHAT NAME COMMAND...
    local what=$1 folder=$expdir/$2 status=0
    shift 2
    "$@" || status=$?
    [ $status -ne 0 ] || return 0
    if [ $status -eq 130 ] || [ "$strict" = true ]; then exit $status; fi
    mkdir -p "$folder"
    echo "$what failed with status $status" > "$folder/failed.txt"
    failed=1
    return 1
}
names() { for vocoder in $vocoders; do echo "$vocoder${tag:+_$tag}"; done; }
try_again() { # try_again WHAT...: forget that it failed in an earlier run
    local what name
    for what in "$@"; do
        for name in $(names); do
            if grep -qs "^$what failed" "$expdir/$name/failed.txt"; then rm "$expdir/$name/failed.txt"; fi
        done
    done
}
has_failed() { [ -e "$expdir/$1/failed.txt" ]; }

if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
    [ -n "$licence" ] || licence=$(cat "$root/egs/nhv_sing/$corpus/licence" 2>/dev/null || true)
    for vocoder in $vocoders; do
        say "stage 4: training $vocoder"
        name=$vocoder${tag:+_$tag}
        rm -f "$expdir/$name/failed.txt"
        launch=()
        [ -z "$cmd" ] || launch=($python -m espnet2.bin.launch --cmd "$launcher" --log "$expdir/$name/launch.log"
            --ngpu "$ngpu" --num_nodes "$num_nodes" --init_file_prefix "$expdir/$name/.dist_init_" --)
        # shellcheck disable=SC2086
        attempt training "$name" ${launch[@]+"${launch[@]}"} $python -m espnet2_nhv.bin.train --config "$(config_of "$vocoder")" \
            --train_data "$dumpdir/train" --valid_data "$dumpdir/dev" --stats_dir "$expdir/stats" \
            --output_dir "$expdir/$name" --ngpu "$ngpu" --inference_model "$inference_model" \
            ${licence:+--licence "$licence"} --trained_on "$corpus" \
            ${budget:+--budget "$budget"} ${init_vocoder:+--init_vocoder "$init_vocoder"} $train_args || true
    done
fi

if [ "$stage" -le 5 ] && [ "$stop_stage" -ge 5 ]; then
    say "stage 5: decoding"
    try_again decoding scoring
    for name in $(names); do
        for set in $sets; do
            has_failed "$name" || attempt decoding "$name" $python -m espnet2_nhv.bin.decode $strict_option \
                --vocoder "$expdir/$name/vocoder" --data "$dumpdir/$set" --out "$expdir/$name/decode/$set" \
                --ngpu "$((ngpu > 0))" ${refiner:+--refiner "$refiner"} || true
        done
    done
    for name in "${!peer_of[@]}"; do
        rm -f "$expdir/$name/failed.txt"
        for set in $sets; do
            attempt decoding "$name" $python -m espnet2_nhv.bin.peer --peer "${peer_of[$name]}" \
                --data "$dumpdir/$set" --out "$expdir/$name/decode/$set" || true
        done
    done
fi

if [ "$stage" -le 6 ] && [ "$stop_stage" -ge 6 ]; then
    say "stage 6: scoring"
    try_again scoring
    for name in $(names) "${!peer_of[@]}"; do
        for set in $sets; do
            has_failed "$name" || attempt scoring "$name" $python -m espnet2_nhv.bin.score $strict_option \
                --data "$dumpdir/$set" --decode "$expdir/$name/decode/$set" --nj "$nj" \
                ${optional_metrics:+--optional $optional_metrics} || true
        done
        # What fails here costs the vocoder its robustness rows only.
        # shellcheck disable=SC2086
        [ "$robustness" = false ] || has_failed "$name" || [ -n "${peer_of[$name]:-}" ] || $python -m espnet2_nhv.bin.robustness $robustness_args \
            --vocoder "$expdir/$name/vocoder" --data "$dumpdir/eval" --out "$expdir/$name/robustness" ||
            { [ $? -ne 130 ] || exit 130; failed=1; }
    done
    # shellcheck disable=SC2086
    $python -m espnet2_nhv.bin.report --expdir "$expdir" --vocoders $vocoders $(for _peer in "${!peer_of[@]}"; do echo "${_peer%"${tag:+_$tag}"}"; done) --sets $sets ${tag:+--tag "$tag"} \
        --command "$command" --dumpdir "$dumpdir" --utterances "$utterances" --nj "$nj"
    say "results ($expdir/RESULTS.md; to listen to in a browser: $expdir/report/index.html)"
    cat "$expdir/RESULTS.md"
fi
exit $failed
