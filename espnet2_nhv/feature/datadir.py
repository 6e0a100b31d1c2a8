"""Kaldi data directories: tables of one entry a line, sorted as ``LC_ALL=C sort`` does."""

from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple, Union

from espnet2_nhv.errors import UserError
from espnet2_nhv.files import write_whole
from espnet2_nhv.text import read_text

# What write_data_dir may write; what it is not given it removes, so that nothing stays from another corpus.
_TABLES = (
    "segments", "utt2spk", "spk2utt", "utt2num_samples", "utt2bandwidth", "utt2weight", "true_f0.scp", "wav.scp",
)  # fmt: skip


def read_table(path: Union[str, Path]) -> Dict[str, str]:
    """Read ``id value`` lines, in the order of the file.

    Returns
    -------
    table : dict of str to str

    Raises
    ------
    UserError
        If the file is missing, a line has no value, or two lines have one id.
    """
    table, lines = {}, {}
    try:
        text = read_text(path, "a table")
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} is missing: run the stage that writes it") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, but a table of an id and a value a line is needed") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        key, _, value = line.strip().replace("\t", " ", 1).partition(" ")
        if not value.strip():
            raise UserError(f"{path}, line {number}: {key!r} has no value; each line is an id, a space and a value")
        if key in table:
            raise UserError(
                f"{path}: two entries have the id {key!r} (lines {lines[key]} and {number}): give each its own id"
            )
        table[key], lines[key] = value.strip(), number
    return table


def read_segments(path: Union[str, Path]) -> Dict[str, Tuple[str, float, float]]:
    """Read ``utterance recording start end`` lines; an end of -1 is the end of the recording.

    Returns
    -------
    segments : dict of str to (recording, start in s >= 0, end in s > start, or inf)

    Raises
    ------
    UserError
        As :func:`read_table`, or if a line does not say a span of time.
    """
    segments = {}
    for utterance, value in read_table(path).items():
        try:
            recording, start, end = value.split()
            start, end = float(start), float(end)
        except ValueError:
            raise UserError(f"{path}: {utterance}: {value!r} is not a recording, a start and an end (s)") from None
        end = float("inf") if end == -1 else end
        if not 0 <= start < end:
            raise UserError(
                f"{path}: {utterance} is to start at {start:g} s and to end at {end:g} s: mend or remove it"
            )
        segments[utterance] = (recording, start, end)
    return segments


def write_table(path: Union[str, Path], table: Mapping[str, object]) -> None:
    """Write ``id value`` lines, sorted by the bytes of the id; the file appears when it is whole."""
    # Code points sort as their UTF-8 bytes do.
    write_whole(path, "".join(f"{key} {table[key]}\n" for key in sorted(table)))


def write_data_dir(
    folder: Union[str, Path],
    wav_scp: Mapping[str, str],
    utt2spk: Mapping[str, str],
    segments: Optional[Mapping[str, Tuple[str, float, float]]] = None,
    **tables: Mapping[str, object],
) -> None:
    """Write a data directory, wav.scp last.

    Parameters
    ----------
    folder : path, made where missing
    wav_scp : mapping of recording (utterance, where there are no segments) to path or pipe
    utt2spk : mapping of utterance to speaker; spk2utt is made from it
    segments : mapping of utterance to (recording, start, end), s, or None
    **tables : further tables by name, e.g. ``utt2num_samples``
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _TABLES:
        (folder / name).unlink(missing_ok=True)
    speakers: Dict[str, list] = {}
    for utterance in sorted(utt2spk):
        speakers.setdefault(utt2spk[utterance], []).append(utterance)
    if segments is not None:
        spans = {}
        for utterance, (recording, start, end) in segments.items():
            spans[utterance] = f"{recording} {start:.6f} {-1 if end == float('inf') else f'{end:.6f}'}"
        write_table(folder / "segments", spans)
    for name, table in tables.items():
        write_table(folder / name, table)
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "spk2utt", {speaker: " ".join(utts) for speaker, utts in speakers.items()})
    write_table(folder / "wav.scp", wav_scp)
