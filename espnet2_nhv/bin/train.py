"""Stage 4: train a vocoder on extracted features, or go on where a training stopped, and save the best.

Takes every option of ESPnet's trainers beside its own. A configuration file may name another as its `base`.
"""

import argparse
from typing import List, Optional

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.train.config import load_config, with_numbers
from espnet2_nhv.train.finish import BEST
from espnet2_nhv.train.recipe import train_vocoder
from espnet2_nhv.train.task import GANVocoderTask

_REQUIRED = ("train_data", "valid_data", "stats_dir", "output_dir")


def get_parser() -> argparse.ArgumentParser:
    parser = GANVocoderTask.get_parser()
    parser.description = __doc__
    add = parser.add_argument_group("Recipe").add_argument
    add("--train_data", help="training set with features, e.g. dump/train")
    add("--valid_data", help="validation set with features, e.g. dump/dev")
    add("--inference_model", default=BEST, help="the checkpoint that is saved as the vocoder")
    add("--licence", help="of the data; written beside the weights (default: the strictest of the sources)")
    add("--trained_on", help="the corpus and its licence; written beside the weights")
    add("--sources", help="list of voices: name, licence, attribution (default: sources.yaml beside the data)")
    parser.set_defaults(num_workers=None)
    return parser


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Options of the command line, over those of ``--config``, over the task's defaults."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--config")
    given, rest = first.parse_known_args(argv)
    parser = get_parser()
    if given.config is not None:
        config = load_config(given.config)
        unknown = sorted(set(config) - {action.dest for action in parser._actions})
        if unknown:
            raise UserError(f"{given.config}: there is no option {unknown[0]!r}; --help lists those there are")
        parser.set_defaults(**config)
    args = parser.parse_args(rest)
    for name, value in vars(args).items():
        if isinstance(value, dict):
            setattr(args, name, with_numbers(value))
    args.config = given.config
    for name in _REQUIRED:
        if getattr(args, name) is None:
            raise UserError(f"--{name} is missing; --help says what it is")
    return args


def main() -> None:
    print(f"saved vocoder: {train_vocoder(parse_args())}")


if __name__ == "__main__":
    run_cli(main)
