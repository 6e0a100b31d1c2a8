"""Mean and deviation of the training features, collected once by ESPnet and shared by all vocoders."""

import argparse
import logging
import shutil
from pathlib import Path
from typing import Tuple, Union

import numpy as np
import yaml

from espnet2_nhv.errors import UserError, in_one_line
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.train.dump import Dump, require_same_spec

_SOURCE = "source.yaml"


def collect_stats(task, args: argparse.Namespace, train: Dump, valid: Dump) -> None:
    """Make ``args.stats_dir`` with ESPnet's collect_stats, unless it is there for the same features.

    Parameters
    ----------
    task : subclass of AbsTask
    args : Namespace, of the task
    train, valid : Dump

    Raises
    ------
    UserError
        If the folder holds something else, or statistics of another spec.
    """
    folder = Path(args.stats_dir)
    source = dict(spec=train.spec.to_dict(), train=train.fingerprint(), valid=valid.fingerprint())
    if folder.exists():
        found = _read_source(folder)
        require_same_spec(
            FeatureSpec.from_dict(found["spec"], where=f"{folder}/{_SOURCE}"), train.spec,
            f"statistics in {folder}", f"{train.folder}", f"remove {folder} or give another --stats_dir",
        )  # fmt: skip
        if found == source:
            logging.info("statistics are there already: %s", folder)
            return
        logging.info("the utterances have changed, collecting statistics anew: %s", folder)
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    changes = dict(
        collect_stats=True,
        output_dir=str(part),
        ngpu=0,
        dist_launcher=None,  # one process is enough
        dist_world_size=None,
        dist_rank=None,
        multiprocessing_distributed=False,
        # No audio: the mel is there already.
        train_data_path_and_name_and_type=[s for s in train.sources() if s[1] == "feats"],
        valid_data_path_and_name_and_type=[s for s in valid.sources() if s[1] == "feats"],
        train_shape_file=[_write_keys(part / "train_keys", train)],
        valid_shape_file=[_write_keys(part / "valid_keys", valid)],
        batch_size=8,
        valid_batch_size=8,
        num_workers=0,
        init_param=[],
    )
    task.main(args=argparse.Namespace(**{**vars(args), **changes}))
    write_whole(part / _SOURCE, yaml.safe_dump(source, sort_keys=False))
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)


def load_stats(folder: Union[str, Path]) -> Tuple[np.ndarray, np.ndarray]:
    """Mean and deviation, each ``(n_mels,)`` float64, of statistics collected in `folder`."""
    path = Path(folder) / "train" / "feats_stats.npz"
    try:
        with np.load(path) as sums:
            mean = sums["sum"] / sums["count"]
            variance = sums["sum_square"] / sums["count"] - mean**2
    except (OSError, KeyError, ValueError) as error:
        reason = in_one_line(error)
        raise UserError(f"{path}: no usable statistics ({reason}): remove {folder} and run this again") from None
    return mean, np.sqrt(np.maximum(variance, 0.0))


def _write_keys(path: Path, data: Dump) -> str:
    path.write_text("".join(f"{utt} {count}\n" for utt, count in data.n_frames.items()), encoding="utf-8")
    return str(path)


def _read_source(folder: Path) -> dict:
    try:
        source = yaml.safe_load((folder / _SOURCE).read_text(encoding="utf-8"))
        return dict(spec=dict(source["spec"]), train=source["train"], valid=source["valid"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        raise UserError(f"{folder}: does not hold statistics made by this command: give another --stats_dir") from None
