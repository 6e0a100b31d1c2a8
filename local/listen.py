"""Make docs/listen: a small page of phrases that the project itself sings, by several vocoders, as sung and changed.

Every sound on it is made here: phrases of the built-in singer, and what vocoders make of them. --db_root adds
recordings; their page is not to be passed on, so it is put elsewhere.
"""

import argparse
import shutil
from pathlib import Path
from typing import Dict, List

import numpy as np
from listen_sounds import CHANGES, FS, phrases, renderers
from tqdm import tqdm

from espnet2_nhv import load_vocoder
from espnet2_nhv.bin.cli import run_cli
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.finding import AUDIO
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.report.page.build import build_page
from espnet2_nhv.synthesis.inputs import input_files
from espnet2_nhv.synthesis.recording import read_recording
from espnet2_nhv.synthesis.wav import write_wav
from espnet2_nhv.vocoder.registry import build_vocoder
from espnet2_nhv.vocoder.synthesizer import Synthesizer

ROOT = Path(__file__).resolve().parents[1]
SINGER = ROOT / "pretrained/sing_pjs"
TITLE = "espnet2_nhv, to hear"
ABOUT = (
    "Phrases of the project's built-in singer, which is a synthetic voice, and what vocoders make of them: nhv is the "
    "pretrained vocoder, which has never heard that singer; world analyses the phrase itself; griffinlim inverts the "
    "mel. The other sets are the same phrases five semitones up and down, breathier and slower; their reference is "
    "the phrase as it was sung. MP3, so there is nothing above 17.5 kHz, which the vocoders do make. Space plays, "
    "letters change the row, drag to loop."
)
ABOUT_SONG = (
    " The song is by the singing model that comes along, from its score alone; its reference is what nhv makes of that "
    "model's mel."
)
_MOST_SECONDS = 8.0  # of a recording
_SONG_SECONDS = 3.0


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", help="folder of the page (docs/listen; with --db_root exp/listen)")
    add("--vocoder", default=str(ROOT / "pretrained/nhv"), help="what is called nhv (pretrained/nhv)")
    add("--peers", nargs="*", default=[], metavar="NAME=DIR", help="further saved vocoders that read features")
    add("--singer", default=str(SINGER), help="a singing model of ESPnet, which sings --song where it is there")
    add("--song", default=str(SINGER / "sakura.musicxml"), help="a score in the public domain (Sakura)")
    add("--db_root", help="a recording, or a folder of them, to be heard too")
    add("--work", default="build/listen", help="for sound files on the way (build/listen)")
    add("--megabytes", type=float, default=6.0, help="the most that the page may take (6)")
    return parser


def main() -> None:
    args = get_parser().parse_args()
    docs = (ROOT / "docs").resolve()
    out = Path(args.out or ("exp/listen" if args.db_root else docs / "listen"))
    if args.db_root and docs in out.resolve().parents:
        raise UserError(f"--out {out}: recordings of others do not belong there; give another folder")
    vocoders = _load(args.vocoder, args.peers)
    spec = next(iter(vocoders.values())).spec
    song = _song(args)
    wavs = {**phrases(), **song, **(_recordings(args.db_root, spec) if args.db_root else {})}
    work = Path(args.work)
    shutil.rmtree(work, ignore_errors=True)
    rows = _write_sounds(work, wavs, vocoders, spec)
    shutil.rmtree(out, ignore_errors=True)
    about = ABOUT + (ABOUT_SONG if song else "")
    page = build_page(work / "exp", work / "dump", rows, out=out, sound="mp3", title=TITLE, about=about, results=False)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    if size > args.megabytes and not args.db_root:
        raise UserError(f"{out} takes {size:.1f} MB, more than {args.megabytes:g}: take fewer --peers")
    print(f"{page}: {size:.1f} MB, {len(wavs)} phrases")


def _load(nhv: str, peers: List[str]) -> Dict[str, Synthesizer]:
    vocoders = {"nhv": load_vocoder(nhv)}
    for peer in peers:
        name, found, folder = peer.partition("=")
        if not (found and name and folder) or name in ("nhv", "world", "griffinlim", "reference"):
            raise UserError(f"--peers {peer}: give NAME=DIR, with a name that is not there already")
        vocoders[name] = load_vocoder(folder)
    return {**vocoders, "griffinlim": build_vocoder("griffinlim", FeatureSpec())}


def _song(args: argparse.Namespace) -> Dict[str, np.ndarray]:
    """The beginning of a song by a singing model; nothing where there is no model."""
    if not list(Path(args.singer).glob("*.pth")):
        return {}
    from espnet2_nhv.notation.read import read_song
    from espnet2_nhv.synthesis.sing import open_singer, sing

    singer = open_singer(args.singer, args.vocoder)
    wav = sing(read_song(args.song), singer)
    if singer.fs != FS:
        raise UserError(f"--singer {args.singer}: sings at {singer.fs} Hz, the page is of {FS} Hz")
    wav = wav[np.flatnonzero(np.abs(wav) > 1e-3)[0] :][: int(_SONG_SECONDS * FS)]
    fade = np.minimum(1.0, np.arange(len(wav), 0, -1) / (0.1 * FS))
    return {Path(args.song).stem: wav * fade}


def _recordings(source: str, spec: FeatureSpec) -> Dict[str, np.ndarray]:
    path = Path(source)
    files = {path.stem: str(path)} if path.is_file() else input_files(path, AUDIO)
    wavs = {}
    for name, file in files.items():
        wav = np.asarray(read_recording(file, spec))
        begin = max(0, (len(wav) - int(_MOST_SECONDS * spec.fs)) // 2)
        wavs[name] = wav[begin : begin + int(_MOST_SECONDS * spec.fs)]
    return wavs


def _write_sounds(work: Path, wavs: Dict[str, np.ndarray], vocoders: Dict[str, Synthesizer], spec: FeatureSpec):
    """What build_page reads: references and what was made of them, and a row for each set and vocoder."""
    rows = []
    for key, change in tqdm(CHANGES.items(), desc="changes", disable=None):
        _write_set(work / "dump" / change.title, wavs)
        for name, made in renderers(vocoders, change).items():
            _write_set(work / "exp" / name / "decode" / change.title, {utt: made(wav) for utt, wav in wavs.items()})
            facts = dict(error=None, stale=False, mrstft=None, n_scored=0)
            rows.append(dict(vocoder=name, set=change.title, tag="", **facts))
    spec.save(work / "dump" / "spec.yaml")
    return rows


def _write_set(folder: Path, wavs: Dict[str, np.ndarray]) -> None:
    (folder / "wav").mkdir(parents=True, exist_ok=True)
    lines = []
    for utt, wav in wavs.items():
        path = folder / "wav" / f"{utt}.wav"
        write_wav(path, np.clip(wav, -1.0, 1.0), FS)
        lines.append(f"{utt} {path}\n")
    (folder / "wav.scp").write_text("".join(lines))


if __name__ == "__main__":
    run_cli(main)
