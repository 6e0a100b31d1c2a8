"""Stage 6: score one vocoder's synthesis of one set against the recordings."""

import argparse
import sys

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.score.evaluate import SCORES, evaluate
from espnet2_nhv.score.metrics import METRICS
from espnet2_nhv.score.optional import OPTIONAL


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", required=True, help="references: a folder with wav.scp, e.g. dump/eval")
    parser.add_argument("--decode", required=True, help="synthesis: a folder with wav.scp, e.g. exp/nhv/decode/eval")
    parser.add_argument("--spec", help="feature spec; spec.yaml beside --data if not given")
    parser.add_argument("--nj", type=int, default=1, help="processes")
    parser.add_argument("--optional", nargs="*", default=[], help=f"further metrics: {', '.join(OPTIONAL)}")
    parser.add_argument("--strict", action="store_true", help="exit non-zero if any utterance has no scores")
    return parser


def main() -> None:
    args = get_parser().parse_args()
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
