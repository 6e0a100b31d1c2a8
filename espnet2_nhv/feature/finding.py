"""Which files in a folder are recordings."""

import os
from pathlib import Path
from typing import List, Tuple, Union

# What libsndfile reads, and what needs ffmpeg: found all the same, so that it is named rather than passed over.
READ = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64")
BY_FFMPEG = (".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".ape", ".wv")
AUDIO = (*READ, *BY_FFMPEG)
_OF_ARCHIVES = "__MACOSX"  # a zip's copy of names with a Mac's own facts, no sound


def find_files(folder: Union[str, Path], extensions: Tuple[str, ...] = AUDIO) -> List[Path]:
    """All files under `folder` that end so, in order.

    Links are followed, one folder once; hidden files and folders are not seen, nor what a Mac's zip adds.

    Parameters
    ----------
    folder : path
    extensions : lower case, with the dot; names may be in either case
    """
    found, seen = [], set()
    for top, folders, files in os.walk(folder, followlinks=True):
        if os.path.realpath(top) in seen:  # a link upwards
            folders.clear()
            continue
        seen.add(os.path.realpath(top))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != _OF_ARCHIVES)
        found += [Path(top, name) for name in files if name.lower().endswith(extensions) and not name.startswith(".")]
    return sorted(found)
