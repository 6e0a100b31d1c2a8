"""Sing a recording, or what a microphone hears, again in real time, block by block; prints latency, jitter and load."""

import argparse
from pathlib import Path

from espnet2_nhv.bin.cli import add_knobs, add_pitch, add_threads, add_vocoder, knobs_of, run_cli
from espnet2_nhv.errors import UserError


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=f"{__doc__} A recording is analysed beforehand, a microphone as it comes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("source", nargs="?", help="an audio file")
    parser.add_argument("--input", metavar="DEVICE", help="a microphone instead: default, or its name or number")
    parser.add_argument("--seconds", type=float, help="how long to listen; until Ctrl-C if not given")
    parser.add_argument("--key_shift", type=float, default=0.0, help="semitones up, of what a microphone hears")
    parser.add_argument("--block", type=int, default=512, help="samples asked for at a time")
    add_vocoder(parser, "a saved nhv or nhv_stream.onnx")
    parser.add_argument("--out", type=Path, default=Path("live.wav"), help="the wav file to write")
    add_knobs(parser)
    add_pitch(parser)
    add_threads(parser, default=1)
    parser.add_argument("--fast", action="store_true", help="do not wait for real time: no jitter of waking")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if (args.source is None) == (args.input is None):
        raise UserError("give an audio file, or --input default for the microphone")
    if args.input is not None:
        _listen(args)
        return
    from espnet2_nhv.synthesis.targets import check_target

    check_target(args.out, args.source)
    # Below the options, since --help and a wrong option need not wait for PyTorch.
    from espnet2_nhv.feature.pitch.source import PitchSource
    from espnet2_nhv.synthesis.default import open_vocoder
    from espnet2_nhv.synthesis.live import play_live
    from espnet2_nhv.synthesis.recording import analyse, progress_bar
    from espnet2_nhv.synthesis.wav import write_wav

    pitch = PitchSource(args.f0_method, args.f0_floor, args.f0_ceil, args.f0)
    knobs = knobs_of(args)
    vocoder, _ = open_vocoder(args.vocoder, args.threads)
    with progress_bar("analyse") as bar:
        mel, f0, _ = analyse(args.source, vocoder, pitch, bar.update)
    wav, report = play_live(vocoder, mel, f0, args.block, not args.fast, knobs.at_frames(vocoder.spec, len(f0)))
    write_wav(args.out, wav, vocoder.fs)
    print("\n".join([f"{args.out}: {len(wav) / vocoder.fs:.1f} s", *report.lines()]))


def _listen(args: argparse.Namespace) -> None:
    from espnet2_nhv.feature.pitch.source import PitchSource
    from espnet2_nhv.synthesis.default import open_vocoder
    from espnet2_nhv.synthesis.live_input import LiveSinger, sing_along

    knobs = knobs_of(args)
    if any(isinstance(value, str) for value in knobs.given.values()):
        raise UserError("--input: knobs are numbers there, since nobody knows how long it will last")
    if args.f0 is not None:
        raise UserError("--input: its F0 is heard, so --f0 has no use")
    pitch = PitchSource(args.f0_method, args.f0_floor, args.f0_ceil)
    vocoder, _ = open_vocoder(args.vocoder, args.threads)
    turned = None if knobs.is_neutral else dict(knobs.given)
    singer = LiveSinger(vocoder, args.block, pitch.method, 2 ** (args.key_shift / 12), turned)
    print(f"latency: {singer.latency_seconds * 1e3:.1f} ms, and what the sound card adds; Ctrl-C ends it", flush=True)
    print("\n".join(sing_along(singer, None if args.input == "default" else args.input, args.seconds).lines()))


if __name__ == "__main__":
    run_cli(main)
