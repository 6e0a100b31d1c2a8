"""A resampler for UTAU and OpenUtau: sings one note of a voice bank, given their thirteen arguments.

Started for each note, it asks a server of this machine to sing (--serve starts it), and without one sings itself.
"""

import argparse
import os
import sys
from pathlib import Path

from espnet2_nhv.bin.cli import add_pitch, add_threads, add_vocoder, run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.synthesis.utau.request import ARGUMENTS, FLAGS, parse_request
from espnet2_nhv.synthesis.utau.server import PORT, ResamplerServer, ask


def get_parser() -> argparse.ArgumentParser:
    what = "\n".join(f"  {name:11} {text}" for name, text in ARGUMENTS)
    flags = "\n".join(f"  {name:11} {text}" for name, text in FLAGS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"arguments:\n{what}\n\nflags, written together, as in g-10B60Kt2; others are left alone:\n{flags}",
    )
    parser.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="the thirteen, see below")
    parser.add_argument("--serve", action="store_true", help="stay, and sing for others; needs --bank and --out")
    parser.add_argument("--batch", metavar="FILE", help="sing what a file says: a JSON list of arguments a line")
    parser.add_argument("--bank", action="append", default=[], metavar="DIR", help="folder to read from")
    parser.add_argument("--out", action="append", default=[], metavar="DIR", help="folder to write to")
    parser.add_argument(
        "--port", type=int, default=int(os.environ.get("NHV_RESAMPLER_PORT", PORT)), help="of the server"
    )
    parser.add_argument("--no_server", action="store_true", help="do not ask a server")
    parser.add_argument("--no_cache", action="store_true", help="keep no features beside the recordings")
    add_pitch(parser)
    add_vocoder(parser)
    add_threads(parser, default=1)
    return parser


def parse(arguments) -> argparse.Namespace:
    """Options, and the thirteen, of which some may begin with a minus."""
    head = [] if arguments[:1] and not arguments[0].startswith("-") else arguments
    args = get_parser().parse_args(head)
    if not head:
        args.arguments = list(arguments)
    return args


def main() -> None:
    args = parse(sys.argv[1:])
    if not (args.serve or args.batch):
        request = parse_request(args.arguments)  # what is wrong is said here, whoever is to sing
        here = str(request.source.absolute()), str(request.target.absolute())
        answer = None if args.no_server else ask([*here, *args.arguments[2:]], args.port)
        if answer:
            raise UserError(answer)
        if answer is None:
            _resampler(args).render(request)
        return

    if args.arguments:
        raise UserError("--serve and --batch take no arguments of a note")
    from espnet2_nhv.synthesis.utau.folders import Folders

    if not (args.bank and args.out):
        raise UserError("--serve and --batch sing what others say: give the folders they may name, --bank and --out")
    folders, resampler = Folders(args.bank, args.out), _resampler(args)

    def render(arguments) -> None:
        request = parse_request(arguments)
        folders.check(request.source, request.target)
        resampler.render(request)

    if args.batch:
        from espnet2_nhv.synthesis.utau.batch import sing_batch

        n_sung, failed = sing_batch(Path(args.batch), render)
        print(f"{n_sung} notes sung")
        if failed:
            sys.exit(f"error: {len(failed)} notes were left out (see above)")
        return
    with ResamplerServer(render, args.port) as server:
        print(f"singing for programs of this machine, port {server.server_port}; Ctrl-C ends it", flush=True)
        server.serve_forever()


def _resampler(args):
    # Not above: who only asks a server need not wait for PyTorch.
    from espnet2_nhv.feature.pitch.source import PitchSource
    from espnet2_nhv.synthesis.default import open_vocoder
    from espnet2_nhv.synthesis.utau.render import Resampler

    vocoder, _ = open_vocoder(args.vocoder, args.threads)
    pitch = PitchSource(args.f0_method, args.f0_floor, args.f0_ceil, args.f0)
    return Resampler(vocoder, pitch, keep=not args.no_cache)


if __name__ == "__main__":
    run_cli(main)
