"""What stages 2 and 3 left in a dump folder, checked before training on it."""

import dataclasses
import hashlib
import logging
from pathlib import Path
from typing import Dict

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table
from espnet2_nhv.feature.spec import FeatureSpec

# What the model calls it, the file it is in, and ESPnet's name for the kind of file.
_SOURCES = (("singing", "wav.scp", "sound"), ("feats", "feats.scp", "kaldi_ark"), ("f0", "f0.scp", "kaldi_ark"))


@dataclasses.dataclass
class Dump:
    """A set with features.

    Attributes
    ----------
    folder : Path
    spec : FeatureSpec, of the spec.yaml beside the sets
    n_frames : dict of utterance to number of frames; only utterances that have everything
    """

    folder: Path
    spec: FeatureSpec
    n_frames: Dict[str, int]

    @classmethod
    def load(cls, folder: str) -> "Dump":
        """Read what is in `folder`.

        Raises
        ------
        UserError
            If it is missing, incomplete or empty.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; stages 2 and 3 make it")
        for name in [name for _, name, _ in _SOURCES] + ["utt2num_frames"]:
            if not (folder / name).is_file():
                raise UserError(f"{folder}: {name} is missing; run stages 2 and 3 again, they make what is not there")
        spec = FeatureSpec.load(folder.parent / "spec.yaml")
        n_frames = {utt: int(count) for utt, count in read_table(folder / "utt2num_frames").items()}
        tables = [read_table(folder / name) for _, name, _ in _SOURCES]
        whole = {utt: count for utt, count in n_frames.items() if count > 0 and all(utt in table for table in tables)}
        left_out = sorted(set().union(n_frames, *tables) - set(whole))
        if left_out:
            logging.warning(
                "%s: %d utterances lack audio or features and are left out, the first is %s",
                folder, len(left_out), left_out[0],
            )  # fmt: skip
        if not whole:
            raise UserError(f"{folder}: no utterance has audio, mel and F0; run stages 2 and 3 again")
        return cls(folder, spec, whole)

    def sources(self):
        """``(path, name, type)`` of each input, ESPnet's ``data_path_and_name_and_type``."""
        return [(str(self.folder / file), name, kind) for name, file, kind in _SOURCES]

    def fingerprint(self) -> str:
        """Changes when other utterances, or other lengths, are in the set."""
        text = "".join(f"{utt} {count}\n" for utt, count in sorted(self.n_frames.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def first_difference(have: FeatureSpec, need: FeatureSpec):
    """``(name, value of have, value of need)`` of the first entry that differs, or None."""
    for name, value in have.to_dict().items():
        if value != getattr(need, name):
            return name, value, getattr(need, name)
    return None


def require_same_spec(have: FeatureSpec, need: FeatureSpec, what: str, than: str, remedy: str) -> None:
    """Raise a UserError that names the first difference between two specs, if there is one."""
    difference = first_difference(have, need)
    if difference:
        name, value, other = difference
        raise UserError(f"{what}: {name} is {value} but {than} has {other}: {remedy}")
