"""What the columns of the robustness tables mean."""

from espnet2_nhv.score.metrics import METRICS, Metric

HELD = (
    Metric("f0_off", "F0 off", "cent", 1, True, "median F0 of the note's last second against the F0 asked for"),
    Metric("f0_drift", "F0 drift", "cent", 1, True, "median F0 of the last second against an early one"),
    Metric("hnr", "harmonics", "dB", 1, False, "power on the harmonics over the rest below 8 kHz, of an early second"),
    Metric(
        "hnr_drift", "harmonics, change", "dB", 1, False, "harmonics of the last second less those of the early one"
    ),
    Metric("hnr_worst", "harmonics, worst second", "dB", 1, False, "harmonics of the worst second"),
    Metric("lsd_drift", "colour drift", "dB", 2, True, "difference of the mean levels of the last and an early second"),
    Metric("glitches", "glitches", "", 0, True, "moments where the level of one of 8 broad bands leaves its median"),
    Metric(
        "worst_frame", "worst frame", "dB", 1, True, "largest difference of a frame's levels from the note's median"
    ),
    Metric(
        *("frame_tone", "frame tone", "dB", 1, True),
        "energy at multiples of the frame rate that are no harmonics, over all energy below 8 kHz; -80 at least",
    ),
    Metric("frame_am", "frame AM", "%", 2, True, "depth of amplitude modulation at the frame rate"),
)

SHIFTED = (
    Metric(
        *("f0_rmse", "F0 fine", "cent", 1, True),
        "root mean square error against the F0 asked for, within 50 cents: says little where F0 gross is high",
    ),
    Metric(
        "f0_gross",
        "F0 gross",
        "%",
        2,
        True,
        "share of the frames heard to be voiced, inside notes, off by over 50 cents",
    ),
    Metric("f0_lost", "unvoiced", "%", 2, True, "share of frames inside notes in which no voice is heard"),
    Metric("f0_worst", "worst F0", "cent", 0, True, "largest error that lasts for 50 ms, of all phrases"),
    Metric(
        *("timbre", "timbre", "dB", 2, True),
        "mel-cepstral distortion against the recording, each envelope taken with its own F0: high notes show less of "
        "an envelope, so compare vocoders within a probe only",
    ),
)

CYCLE = tuple(metric for metric in METRICS if metric.key in ("mrstft", "mcd") or metric.key.startswith("lsd_"))

LEVELS = (
    Metric("level_off", "level", "dB", 2, True, "level out less level in", signed=True),
    Metric("lsd_0_4", "LSD 0-4", "dB", 2, True, "as in copy synthesis, after the gain was undone"),
    Metric("lsd_8_16", "LSD 8-16", "dB", 2, True, "the same in 8-16 kHz"),
)

NOISE = (
    Metric(
        *("periodicity_gained", "periodicity gained", "", 2, True),
        "largest rise of the normalised autocorrelation at any period from the lowest to the highest F0; a few "
        "hundredths are chance",
    ),
    Metric("periodicity_in", "in", "", 2, True, "the autocorrelation of the noise at that period"),
    Metric("periodicity_out", "out", "", 2, True, "the same of what was made of it"),
    Metric("hum", "at", "Hz", 0, True, "one over that period"),
    Metric("level_off", "level", "dB", 2, True, "level out less level in", signed=True),
)

LIMIT = (
    Metric(
        *("above_worst", "above", "dB", 1, True),
        "level of the copy's loudest frame above the limit, against the recording's loudest at all frequencies",
    ),
    Metric("level_off", "level", "dB", 2, True, "level out less level in", signed=True),
)

SPEED = (
    Metric("rtf_1", "RTF, 1 thread", "", 4, True, "computing time over audio time, 10 s of audio, median of 3"),
    Metric("rtf_2", "RTF, 2 threads", "", 4, True, "the same on two CPU threads"),
    Metric("peak_mb_1", "memory, 1 thread", "MB", 0, True, "highest use over the loaded model and its output, 10 s"),
    Metric("peak_mb_2", "memory, 2 threads", "MB", 0, True, "the same on two CPU threads"),
    Metric("steps_per_second", "training steps/s", "", 2, False, "steps made over the time they took, as trained here"),
)

COLUMNS = {
    "held": HELD,
    "shifted": SHIFTED,
    "cycle": CYCLE,
    "level": LEVELS,
    "noise": NOISE,
    "limit": LIMIT,
    "speed": SPEED,
}


def kind_of(probe: str) -> str:
    """Which of COLUMNS a probe fills."""
    first = probe.partition("_")[0]
    return first if first in COLUMNS else "shifted"
