"""Stage 1 of the corpus `voices`: folders of single voices, each with its licence, and PJS, in any mix."""

import argparse
import os
import shlex
from pathlib import Path
from typing import Dict, Iterable, List

import pjs_data
import yaml
from data_dirs import SETS, Corpus, bad_recordings, corpus_folder, name_files, safe_id, split

from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import AUDIO, find_files
from espnet2_nhv.feature.licence import FILE, Source, dump_sources, recognise
from espnet2_nhv.files import write_whole
from espnet2_nhv.text import read_text

HINT = "give folders of voices, or folders of such folders; with several, a space between them"
DEV = ("olpc_female", "olpc_male", "speech_vctk_nuwave2")
NEVER = ("nit_song070",)  # the voice that nobody's weights know
PJS = Source(
    "pjs",
    "CC BY-SA 4.0",
    "PJS: Phoneme-balanced Japanese Singing-voice corpus ver1.1, Junya Koguchi (Meiji Univ.) and Shinnosuke Takamichi "
    "(Univ. of Tokyo), 2020, https://sites.google.com/site/shinnosuketakamichi/research-topics/pjs_corpus. "
    "Licence: CC BY-SA 4.0.",
)


def find_voices(folder: Path) -> Dict[str, Path]:
    """The folders in `folder`, or itself, that are a voice: those with sound or an ATTRIBUTION.txt in them."""
    if _songs(folder):
        return {PJS.name: folder}
    if (folder / "ATTRIBUTION.txt").exists() or any(
        path.suffix.lower() in AUDIO and not path.name.startswith(".") for path in folder.iterdir()
    ):
        return {safe_id(folder.name): folder}
    voices: Dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            _add(voices, find_voices(path))
    return voices


def read_source(name: str, folder: Path) -> Source:
    """Licence and attribution of a voice: of its files `licence` (a line) and ATTRIBUTION.txt, where there are any."""
    attribution, licence = (
        read_text(path).strip() if path.exists() else "" for path in (folder / "ATTRIBUTION.txt", folder / "licence")
    )
    return Source(
        name, licence or recognise(attribution), " ".join(attribution.split()) or f"{name} (no attribution given)"
    )


def _songs(folder: Path) -> List[Path]:
    return [path for path in sorted(folder.glob("pjs[0-9][0-9][0-9]/*_song.*")) if pjs_data.SONG.fullmatch(path.name)]


def _add(voices: Dict[str, Path], more: Dict[str, Path]) -> None:
    for name, path in more.items():
        if voices.setdefault(name, path) != path:
            raise UserError(f"{voices[name]} and {path} would both be the voice {name!r}: rename one, or leave it out")


def _given_folders(db_root: str) -> List[Path]:
    try:
        folders = [db_root] if os.path.isdir(db_root) else shlex.split(db_root) or [""]
    except ValueError as error:
        raise UserError(f"--db_root {db_root}: {str(error).lower()} (a path with spaces is put in quotes)") from None
    return [corpus_folder(folder, "voices", HINT) for folder in folders]


def _files(name: str, folder: Path) -> Dict[str, str]:
    """wav.scp of a voice."""
    if name == PJS.name:
        return name_files(_songs(folder), lambda path: pjs_data.SONG.fullmatch(path.name)[1])
    return name_files(
        find_files(folder),
        lambda path: f"{name}-{safe_id('_'.join(path.relative_to(folder).with_suffix('').parts))}",
    )


def _held_out(given: str, voices: Dict[str, Path], option: str) -> List[str]:
    names = given.split()
    for name in names:
        if name not in voices:
            raise UserError(f"{option} {name}: there is no such voice; there are {', '.join(sorted(voices))}")
    return names


def split_voices(
    files: Dict[str, Dict[str, str]], dev: List[str], evaluation: List[str], bad: Iterable[str] = ()
) -> Dict[str, List[str]]:
    """Utterances of each set: voices kept out as a whole, PJS by its own split, the rest to train.

    Where dev or eval would be empty, a tenth of the recordings of the trained voices become it, none of the `bad`.
    """
    sets: Dict[str, List[str]] = {name: [] for name in SETS}
    for voice, wav_scp in files.items():
        if voice in dev or voice in evaluation:
            sets["dev" if voice in dev else "eval"] += wav_scp
        elif voice == PJS.name:
            for song in wav_scp:
                sets[pjs_data.set_of(int(song[3:]))].append(song)
        else:
            sets["train"] += wav_scp
    tenths = split(sets["train"], set(bad) & set(sets["train"]))
    for name in ("dev", "eval"):
        if not sets[name]:
            print(f"no voice is kept out for {name}: a tenth of the trained voices' recordings is taken")
            sets[name] = tenths[name]
            sets["train"] = [utterance for utterance in sets["train"] if utterance not in set(tenths[name])]
    if not all(sets.values()):
        raise UserError("the voices are too few to make train, dev and eval of them: give at least three recordings")
    return sets


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--db_root", default="", help="folders of voices, or of such folders, and PJS")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the Kaldi data directories")
    parser.add_argument("--dev_voices", help=f"voices for dev only (default: those of {' '.join(DEV)} that are there)")
    parser.add_argument("--eval_voices", default="", help="voices for eval only, beside PJS's own ten songs")
    return parser.parse_args()


def _say(files: Dict[str, Dict[str, str]], sources: Dict[str, Source], sets: Dict[str, List[str]]) -> None:
    width = max(map(len, files))
    for voice, wav_scp in files.items():
        counts = [f"{len(set(sets[name]) & set(wav_scp))} {name}" for name in SETS if set(sets[name]) & set(wav_scp)]
        print(f"{voice:{width}}  {sources[voice].licence:14}  {', '.join(counts)}")


def main():
    args = _parse_args()
    voices: Dict[str, Path] = {}
    for folder in _given_folders(args.db_root):
        _add(voices, find_voices(folder))
    for name in [name for name in NEVER if name in voices]:
        print(f"{voices.pop(name)}: left out: {name} is kept to measure on, and never trained on")
    files = {name: _files(name, folder) for name, folder in voices.items()}
    files = {name: wav_scp for name, wav_scp in files.items() if wav_scp}
    if not files:
        raise UserError(f"--db_root {args.db_root}: no voice in it with sound files: {HINT}")
    dev = [name for name in DEV if name in files]
    if args.dev_voices is not None:
        dev = _held_out(args.dev_voices, files, "--dev_voices")
    bad = bad_recordings({name: path for wav_scp in files.values() for name, path in wav_scp.items()}, args.data)
    sets = split_voices(files, dev, _held_out(args.eval_voices, files, "--eval_voices"), bad)
    sources = {name: PJS if name == PJS.name else read_source(name, voices[name]) for name in files}
    corpus = Corpus(
        {utterance: path for wav_scp in files.values() for utterance, path in wav_scp.items()},
        {utterance: voice for voice, wav_scp in files.items() for utterance in wav_scp},
    )
    for name in SETS:
        corpus.write(args.data / name, sets[name])
        used = [sources[voice] for voice, wav_scp in files.items() if set(sets[name]) & set(wav_scp)]
        text = yaml.safe_dump(dump_sources(used), sort_keys=False, allow_unicode=True)
        write_whole(args.data / name / FILE, text)
    _say(files, sources, sets)


if __name__ == "__main__":
    run_cli(main)
