"""What stages 2 and 3 tell of what they read."""

import sys
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, Sequence

_SHOWN, _SPEAKERS = 20, 5
_TOLD = 3.0  # s; less is not worth a word


def print_findings(problems: Sequence[str], warnings: Sequence[str], where: str) -> List[str]:
    """Print the first lines on stderr, and `where` to read on; returns all of them."""
    lines = [f"left out: {problem}" for problem in problems] + [f"warning: {text}" for text in warnings]
    for line in lines[:_SHOWN]:
        print(line, file=sys.stderr)
    if len(lines) > _SHOWN:
        print(f"... and {len(lines) - _SHOWN} more{where}", file=sys.stderr)
    return lines


def sum_by_reason(parts: Iterable[Dict[str, float]]) -> Dict[str, float]:
    """Seconds by reason, over several such."""
    total: Dict[str, float] = {}
    for part in parts:
        for reason, seconds in part.items():
            total[reason] = total.get(reason, 0.0) + seconds
    return total


def print_dropped(kept: float, dropped: Dict[str, float], out: Path) -> None:
    """Say on stderr how much sound was dropped and why, with a warning where it is the greater part; s."""
    lost = sum(dropped.values())
    if lost < _TOLD:
        return
    reasons = sorted(dropped.items(), key=lambda item: -item[1])
    told = ", ".join(f"{reason} {seconds / 60:.1f}" for reason, seconds in reasons if seconds >= _TOLD)
    print(f"{out}: {lost / 60:.1f} minutes dropped ({told})", file=sys.stderr)
    if kept < lost:
        print(f"warning: {out}: less than half of the sound is kept: see the reasons and problems.txt", file=sys.stderr)


def print_narrow(bandwidths: Mapping[str, float], utt2spk: Mapping[str, str], fs: int, out: Path) -> None:
    """Say on stderr whose recordings end below half the sampling rate: what they lack, a vocoder learns to lack; Hz."""
    narrow: Dict[str, List[float]] = {}
    for utt, bandwidth in bandwidths.items():
        if bandwidth < fs / 2:
            narrow.setdefault(utt2spk[utt], []).append(bandwidth)
    if not narrow:
        return
    speakers = list(utt2spk.values())
    told = [
        f"{speaker} ({len(found)} of {speakers.count(speaker)}, up to {min(found) / 1000:.1f} kHz)"
        for speaker, found in list(narrow.items())[:_SPEAKERS]
    ]
    more = f" and {len(narrow) - _SPEAKERS} more" if len(narrow) > _SPEAKERS else ""
    where = f"all in {out}/utt2bandwidth"
    print(f"{out}: recordings that end below {fs / 2000:g} kHz: {', '.join(told)}{more}; {where}", file=sys.stderr)
