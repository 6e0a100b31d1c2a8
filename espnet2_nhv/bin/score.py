"""Score one vocoder's synthesis of one set against the recordings (stage 6), or vocoders on any recordings.

score --data dump/eval --decode exp/nhv/decode/eval
score --files songs/ other.wav --vocoder exp/nhv/vocoder exp/other/vocoder world --peer "theirs=other.sh {inp} {out}"
"""

import argparse
import json
import sys

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.report.line import scores_in_one_line
from espnet2_nhv.score.evaluate import SCORES, evaluate
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.score.optional import OPTIONAL
from espnet2_nhv.score.recordings import find_recordings, find_vocoder, score_recordings
from espnet2_nhv.synthesis.peer import Peer, PeerVocoder


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="references: a folder with wav.scp, e.g. dump/eval")
    parser.add_argument("--decode", help="synthesis: a folder with wav.scp, e.g. exp/nhv/decode/eval")
    parser.add_argument("--spec", help="feature spec; spec.yaml beside --data if not given")
    parser.add_argument("--nj", type=int, default=1, help="processes (1)")
    parser.add_argument("--optional", nargs="*", default=[], help=f"further metrics: {', '.join(OPTIONAL)}")
    parser.add_argument("--files", nargs="+", help="recordings: audio files, folders of them, or lists (.txt, .scp)")
    parser.add_argument("--vocoder", nargs="+", help="what synthesises --files: saved or exported vocoders, or world")
    parser.add_argument("--peer", nargs="+", default=[], help="what was trained elsewhere, as bin.peer has it")
    parser.add_argument("--seconds", type=float, help="of the middle of each of --files; all of it if not given")
    parser.add_argument("--cache", help="a folder where the F0 of --files is kept for the next time")
    parser.add_argument("--out", help="a JSON file for the scores of --files, one entry a vocoder")
    parser.add_argument("--strict", action="store_true", help="exit non-zero if any utterance has no scores")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if args.files and (args.vocoder or args.peer) and not (args.data or args.decode):
        score_files(args)
    elif args.data and args.decode and not (args.files or args.vocoder or args.peer):
        score_set(args)
    else:
        raise UserError("give --data and --decode to score what was decoded, or --files and --vocoder or --peer")


def score_files(args: argparse.Namespace) -> None:
    files, results = find_recordings(args.files), {}
    vocoders = {name: find_vocoder(name) for name in args.vocoder or []}  # before hours of scoring, not after them
    vocoders.update((peer.name, PeerVocoder(peer, FeatureSpec())) for peer in map(Peer.parse, args.peer))
    for name, vocoder in vocoders.items():
        scores = score_recordings(vocoder, files, args.seconds, args.cache, args.optional, name)
        results[name] = scores
        print(f"{name}: {scores['n_scored']} files  {scores_in_one_line(scores)}", flush=True)
        if args.out:
            write_whole(args.out, json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    for key, reason in scores["skipped"].items():
        print(f"{OPTIONAL[key].metric.label} skipped: {reason}")
    if args.strict and scores["n_missing"]:
        sys.exit(f"error: {scores['n_missing']} of {len(files)} files have no scores")


def score_set(args: argparse.Namespace) -> None:
    scores = evaluate(args.data, args.decode, args.nj, args.spec, args.optional)
    for metric in [*METRICS, *(extra.metric for extra in OPTIONAL.values())]:
        if scores["mean"].get(metric.key) is not None:
            utt, value = scores["worst"][metric.key]
            mean = f"{scores['mean'][metric.key]:.{metric.decimals}f} {metric.unit}"
            print(f"{metric.label:12} {mean:>14}   worst {value:.{metric.decimals}f} ({utt})")
    for key, reason in scores["skipped"].items():
        print(f"{OPTIONAL[key].metric.label:12} skipped: {reason}")
    print(f"{scores['n_scored']} of {scores['n_utterances']} utterances scored: {args.decode}/{SCORES}")
    if scores["n_scored"] == 0:
        utt, reason = next(iter(scores["missing"].items()))
        sys.exit(f"error: {args.decode}: no utterance could be scored ({utt}: {reason})")
    if args.strict and scores["n_missing"]:
        sys.exit(f"error: {args.decode}: {scores['n_missing']} utterances have no scores, listed in {SCORES}")


if __name__ == "__main__":
    run_cli(main)
