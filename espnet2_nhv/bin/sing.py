"""Sing a score: MusicXML, MIDI with lyrics, or an OpenUtau project, with Japanese lyrics in kana or romaji."""

import argparse
import logging

from espnet2_nhv.bin.cli import add_knobs, add_subtype, add_threads, add_vocoder, knobs_of, run_cli


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("score", help="a .musicxml, .xml, .mxl, .mid, .midi, .kar or .ustx file")
    parser.add_argument("target", help="the wav file to write")
    parser.add_argument(
        "--model", metavar="DIR", help="a trained singing model of ESPnet; default: the one that comes along"
    )
    add_vocoder(parser, "a saved vocoder")
    parser.add_argument("--key_shift", type=int, default=0, help="semitones up")
    parser.add_argument("--tempo", type=float, default=1.0, help="times as fast as the score says")
    parser.add_argument("--part", help="name or number of the part or track; default: the first with lyrics")
    parser.add_argument("--voice", help="number of the voice in the part (MusicXML)")
    parser.add_argument("--verse", type=int, default=1, help="of the lyrics (MusicXML)")
    add_knobs(parser)
    add_subtype(parser)
    add_threads(parser)
    return parser


def main() -> None:
    args = get_parser().parse_args()
    # Below the options, and target and score before the model: what is wrong with them is said at once.
    from espnet2_nhv.notation.read import changed, read_song
    from espnet2_nhv.synthesis.targets import check_target

    check_target(args.target)
    knobs = knobs_of(args)
    song = changed(read_song(args.score, args.part, args.voice, args.verse), args.key_shift, args.tempo)
    from espnet2_nhv.synthesis.default import set_threads
    from espnet2_nhv.synthesis.sing import open_singer, sing
    from espnet2_nhv.synthesis.wav import write_wav

    set_threads(args.threads)
    logging.getLogger().setLevel(logging.WARNING)  # ESPnet tells of every tensor
    singer = open_singer(args.model, args.vocoder)
    wav = sing(song, singer, logging.warning, knobs)
    write_wav(args.target, wav, singer.fs, args.subtype)
    print(f"{args.target}: {len(wav) / singer.fs:.1f} s")


if __name__ == "__main__":
    run_cli(main)
