"""Features of a recording kept for later, frame by frame as they are made."""

import contextlib
import io
import zipfile
from pathlib import Path
from typing import Callable, Iterator, Optional

import numpy as np

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import naming, whole_file


def begin_keeping(folder: Path, spec: FeatureSpec) -> None:
    """Make a folder for features of a spec, which is written into it.

    Raises
    ------
    UserError
        If it is a file, or holds features of another spec.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: give --keep_features a folder")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "spec.yaml"
    if path.exists() and FeatureSpec.load(path) != spec:
        raise UserError(f"{path}: features of another spec are kept there: give --keep_features another folder")
    spec.save(path)


@contextlib.contextmanager
def keeping(
    path: Path, n_frames: int, n_mels: int, f0: Optional[np.ndarray], vuv: Optional[np.ndarray]
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write an npz file of mel ``(T, n_mels)``, f0 and vuv ``(T,)``: blocks of mel go to what the ``with`` gives.

    The file appears when all is there; ``bin.synthesize --mel`` takes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, naming(path), zipfile.ZipFile(part, "w") as archive:
        for name, values in (("f0", f0), ("vuv", vuv)):
            if values is not None:
                content = io.BytesIO()
                np.lib.format.write_array(content, values)
                archive.writestr(f"{name}.npy", content.getvalue())
        with archive.open("mel.npy", "w", force_zip64=True) as member:
            header = dict(descr="<f4", fortran_order=False, shape=(n_frames, n_mels))
            np.lib.format.write_array_header_1_0(member, header)
            yield lambda mel: member.write(np.ascontiguousarray(mel, dtype="<f4").tobytes())
