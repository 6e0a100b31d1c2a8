"""NumPy files of others: plain numbers, read without running anything."""

from pathlib import Path
from typing import Dict, Union

import numpy as np

from espnet2_nhv.errors import UserError, in_one_line

MAX_BYTES = 8 << 30  # an hour of 128 bands has a third of a GiB; a file that is packed may be anything


def load_arrays(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """The arrays of an npz file by name, or that of an npy file as ``arr_0``.

    Raises
    ------
    FileNotFoundError
        If there is none.
    UserError
        If it is damaged, or holds objects, which could run code.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            size = sum(member.file_size for member in loaded.zip.infolist())
            if size > MAX_BYTES:
                raise ValueError(f"unpacked it has {size / 2**30:.0f} GiB, more than {MAX_BYTES / 2**30:.0f}")
        return {"arr_0": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged bytes fail in as many ways as there are bytes
        reason = in_one_line(error)
        if "pickle" in reason or "Object arrays" in reason:
            reason = "it holds objects, not numbers: save plain arrays, e.g. np.save(path, f0.astype('float32'))"
        raise UserError(f"{path}: not readable as a NumPy file ({reason})") from None
