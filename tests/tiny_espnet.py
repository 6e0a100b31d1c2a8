"""ESPnet models of a few thousand weights, and a line of song for them."""

import argparse
import copy

import numpy as np
import torch
import yaml
from tiny_dump import tone

from espnet2_nhv.espnet import register
from espnet2_nhv.feature.spec import FeatureSpec

register()

from espnet2.tasks.gan_svs import GANSVSTask  # noqa: E402, F401
from espnet2.tasks.gan_tts import GANTTSTask  # noqa: E402, F401
from espnet2.tasks.svs import SVSTask  # noqa: E402, F401
from espnet2.tasks.tts import TTSTask  # noqa: E402, F401

SPEC = FeatureSpec()
TOKENS = ["<blank>", "<unk>", "pau", "a", "k", "o", "<sos/eos>"]

XIAOICE = dict(
    midi_dim=129, duration_dim=2000, adim=16, aheads=2, elayers=1, eunits=16, dlayers=1, dunits=16, postnet_layers=0,
    duration_predictor_layers=1, duration_predictor_chans=8, duration_predictor_kernel_size=3,
)  # fmt: skip
NAIVE = dict(
    midi_dim=129, duration_dim=2000, eprenet_conv_layers=0, elayers=1, eunits=16, dlayers=1, dunits=16, postnet_layers=0
)
FASTSPEECH2 = dict(
    adim=16, aheads=2, elayers=1, eunits=16, dlayers=1, dunits=16, postnet_layers=0, duration_predictor_layers=1,
    duration_predictor_chans=8, energy_predictor_layers=1, energy_predictor_chans=8, pitch_predictor_layers=1,
    pitch_predictor_chans=8,
)  # fmt: skip
NHV = dict(channels=16, hidden=16, n_blocks=1)
DISCRIMINATOR = dict(
    discriminator_type="hifigan_period_discriminator",
    discriminator_params=dict(period=3, channels=4, max_downsample_channels=8),
)


def fbank(spec=SPEC):
    """feats_extract_conf of `spec`."""
    return dict(
        fs=spec.fs, n_fft=spec.n_fft, win_length=spec.win_length, hop_length=spec.hop_length, n_mels=spec.n_mels,
        fmin=spec.fmin, fmax=spec.fmax, log_base=spec.log_base,
    )  # fmt: skip


def singing_args(svs, svs_conf, spec=SPEC, **changes):
    """What ESPnet's parsers would make of a recipe's configuration for singing."""
    values = dict(
        token_list=TOKENS, odim=None, input_size=None, postfrontend=None, feats_extract="fbank",
        feats_extract_conf=fbank(spec), normalize=None, normalize_conf={}, svs=svs, svs_conf=copy.deepcopy(svs_conf),
        score_feats_extract="syllable_score_feats",
        score_feats_extract_conf=dict(fs=spec.fs, n_fft=spec.n_fft, win_length=spec.win_length,
                                      hop_length=spec.hop_length),
        pitch_extract="dio",
        pitch_extract_conf=dict(fs=spec.fs, n_fft=spec.n_fft, hop_length=spec.hop_length, f0min=60, f0max=1000,
                                use_token_averaged_f0=False),
        pitch_normalize=None, pitch_normalize_conf={}, energy_extract=None, ying_extract=None, energy_normalize=None,
        model_conf={}, model_type="svs", use_preprocessor=True, token_type="phn", bpemodel=None, cleaner=None,
        g2p=None, non_linguistic_symbols=None, fs=spec.fs, collect_stats=False,
    )  # fmt: skip
    values.update(changes)
    return argparse.Namespace(**values)


def speech_args(tts, tts_conf, spec=SPEC, **changes):
    """The same for speech."""
    pitch = dict(fs=spec.fs, n_fft=spec.n_fft, hop_length=spec.hop_length, reduction_factor=1)
    values = dict(
        token_list=TOKENS, odim=None, feats_extract="fbank", feats_extract_conf=fbank(spec), normalize=None,
        normalize_conf={}, tts=tts, tts_conf=copy.deepcopy(tts_conf), pitch_extract="dio",
        pitch_extract_conf=dict(**pitch, f0min=60, f0max=1000), pitch_normalize=None, pitch_normalize_conf={},
        energy_extract="energy", energy_extract_conf={**pitch, "win_length": spec.win_length}, energy_normalize=None,
        energy_normalize_conf={}, model_conf={}, use_preprocessor=True, token_type="phn", bpemodel=None, cleaner=None,
        g2p=None, non_linguistic_symbols=None, collect_stats=False,
    )  # fmt: skip
    values.update(changes)
    return argparse.Namespace(**values)


def joint(vocoder_type="nhv", acoustic="xiaoice", acoustic_params=None, **more):
    """svs_conf of a joint model."""
    conf = dict(
        segment_size=8, vocoder_type=vocoder_type, score2mel_type=acoustic,
        score2mel_params=acoustic_params or {"xiaoice": XIAOICE, "naive_rnn_dp": NAIVE}[acoustic], **DISCRIMINATOR,
    )  # fmt: skip
    if vocoder_type == "nhv":
        conf["vocoder_params"] = dict(NHV)
    return {**conf, **more}


SECONDS = (0.3, 0.2)
PITCH = (220.0, 330.0)


def score(spec=SPEC):
    """The song: silence, "ka" on A3, "o" on E4; (ESPnet's score, its label, the waveform, its F0)."""
    parts = [np.zeros(round(0.1 * spec.fs), np.float32)]
    parts += [tone(seconds, pitch, spec)[0] for seconds, pitch in zip(SECONDS, PITCH)]
    f0 = [tone(seconds, pitch, spec)[1] for seconds, pitch in zip(SECONDS, PITCH)]
    notes = (90, [(0.0, 0.1, "P", 0, "pau"), (0.1, 0.4, "ka", 57, "k_a"), (0.4, 0.6, "o", 64, "o")])
    label = (np.array([[0.0, 0.1], [0.1, 0.15], [0.15, 0.4], [0.4, 0.6]]), ["pau", "k", "a", "o"])
    return notes, label, np.concatenate(parts), np.concatenate(f0)


def singing_batch(spec=SPEC):
    """A batch of two songs, the second without its last note, as ESPnet's collate function makes it."""
    notes, label, wav, _ = score(spec)
    args = singing_args("xiaoice", {}, spec)
    items = []
    for count, seconds in ((3, 0.6), (2, 0.4)):
        phones = sum(note[4].count("_") + 1 for note in notes[1][:count])
        data = dict(
            singing=wav[: round(seconds * spec.fs)], score=(notes[0], notes[1][:count]),
            label=(label[0][:phones], label[1][:phones]), text=" ".join(label[1][:phones]),
        )  # fmt: skip
        items.append((f"song{count}", SVSTask.build_preprocess_fn(args, True)(f"song{count}", data)))
    return SVSTask.build_collate_fn(args, True)(items)[1]


def first_song(batch):
    """The first song of a batch alone, as inference takes it."""
    return {name: value[0] for name, value in batch.items() if not name.endswith("_lengths") and name != "singing"}


def speech_batch(spec=SPEC):
    """A batch of two utterances with token durations, as ESPnet's collate function makes it."""
    _, _, wav, _ = score(spec)
    args = speech_args("fastspeech2", {}, spec)
    items = []
    for seconds, text in ((0.6, "k a o"), (0.4, "k a")):
        samples = round(seconds * spec.fs)
        n_tokens = len(text.split()) + 1
        frames = samples // spec.hop_length + 1
        durations = np.full(n_tokens, frames // n_tokens)
        durations[0] += frames - durations.sum()
        data = TTSTask.build_preprocess_fn(args, True)(text, dict(text=text, speech=wav[:samples]))
        items.append((text, {**data, "durations": durations}))
    return TTSTask.build_collate_fn(args, True)(items)[1]


def save_model(folder, args, model):
    """config.yaml and model.pth as ESPnet's training leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    torch.save(model.state_dict(), folder / "model.pth")
    return str(folder / "config.yaml"), str(folder / "model.pth")
