"""Saved vocoders of ours in ESPnet's singing and speech synthesis."""

import math

import numpy as np
import pytest
import tiny_espnet as tiny
import torch
import yaml
from espnet2.bin.svs_inference import SingingGenerate
from espnet2.bin.tts_inference import Text2Speech

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.features import spec_of
from espnet2_nhv.espnet.listener import set_durations
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder import build_vocoder, save_vocoder

N_FRAMES = 103  # of the song, by its label


@pytest.fixture(scope="module")
def vocoders(tmp_path_factory):
    """Saved vocoders: nhv, and hifigan, which takes no F0."""
    root = tmp_path_factory.mktemp("vocoders")
    torch.manual_seed(0)
    save_vocoder(build_vocoder("nhv", tiny.SPEC, **tiny.NHV), root / "nhv", "CC0-1.0", "nothing")
    save_vocoder(build_vocoder("hifigan", tiny.SPEC, channels=16), root / "hifigan", "CC0-1.0", "nothing")
    return root


@pytest.fixture(scope="module")
def singers(tmp_path_factory):
    """Singing models as ESPnet's training leaves them: name to (config, weights)."""
    root, made = tmp_path_factory.mktemp("singers"), {}
    stats = root / "stats.npz"
    np.savez(stats, count=2, sum=np.full(128, -6.0), sum_square=np.full(128, 18.5))  # mean -3, deviation 0.5
    for name, conf in (("xiaoice", tiny.XIAOICE), ("naive_rnn_dp", tiny.NAIVE)):
        torch.manual_seed(0)
        args = tiny.singing_args(name, conf, normalize="global_mvn", normalize_conf=dict(stats_file=str(stats)))
        model = tiny.SVSTask.build_model(args)
        if name == "xiaoice":
            with torch.no_grad():
                model.svs.linear_projection.weight[-2:] = 0.0
                model.svs.linear_projection.bias[-2:] = torch.tensor([math.log(300.0), 5.0])
        made[name] = tiny.save_model(root / name, args, model)
    return made


@pytest.fixture
def label_timing():
    set_durations("label")
    yield
    set_durations("predicted")


def song():
    notes, label, _, _ = tiny.score()
    return dict(score=notes, label=label)


def given_to_vocoder(singer):
    """Mel, F0 and spec of the next call."""
    seen = {}
    inference = singer.vocoder.vocoder.inference

    def spy(mel, f0=None, spec=None, **others):
        seen.update(mel=mel, f0=f0, spec=spec)
        return inference(mel, f0, spec=spec, **others)

    singer.vocoder.vocoder.inference = spy
    return seen


@pytest.mark.parametrize("acoustic", ["xiaoice", "naive_rnn_dp"])
def test_singing(acoustic, singers, vocoders, label_timing):
    singer = SingingGenerate(*singers[acoustic], vocoder_checkpoint=str(vocoders / "nhv"))
    seen = given_to_vocoder(singer)
    out = singer(song())
    assert out["wav"].shape == (N_FRAMES * 256,) and singer.fs == 44100
    torch.testing.assert_close(seen["mel"], out["feat_gen"] * 0.5 - 3.0, atol=1e-3, rtol=1e-3)
    if acoustic == "xiaoice":
        np.testing.assert_allclose(seen["f0"], 300.0, rtol=1e-5)  # the model's own
    else:
        durations = tiny.singing_batch()["duration_phn"][0].tolist()
        notes = [440 * 2 ** ((note - 69) / 12) for note in (57, 64)]
        np.testing.assert_allclose(seen["f0"], [notes[0]] * sum(durations[:3]) + [notes[1]] * durations[3], rtol=1e-5)


def test_singing_from_the_score_alone(singers, vocoders, tmp_path):
    notes, label, _, _ = tiny.score()
    (tmp_path / "voc.yaml").write_text("f0_source: score\n")
    singer = SingingGenerate(
        *singers["xiaoice"], vocoder_config=str(tmp_path / "voc.yaml"), vocoder_checkpoint=str(vocoders / "nhv")
    )
    seen = given_to_vocoder(singer)
    out = singer(dict(score=notes, text=" ".join(label[1])))
    assert len(out["wav"]) == 256 * len(out["feat_gen"])
    assert 219 < seen["f0"].min() <= seen["f0"].max() < 330.0


def test_normalised_feats_are_made_raw(singers, vocoders, label_timing):
    singer = SingingGenerate(*singers["xiaoice"], vocoder_checkpoint=str(vocoders / "hifigan"),
                             prefer_normalized_feats=True)  # fmt: skip
    seen = given_to_vocoder(singer)
    out = singer(song())
    torch.testing.assert_close(seen["mel"], out["feat_gen_denorm"])
    assert seen["f0"] is None and out["wav"].shape == (N_FRAMES * 256,)


def test_griffin_lim_by_name(singers, label_timing):
    out = SingingGenerate(*singers["xiaoice"], vocoder_checkpoint="griffin_lim")(song())
    assert abs(len(out["wav"]) - N_FRAMES * 256) <= 512


def speaker(folder, **changes):
    torch.manual_seed(0)
    args = tiny.speech_args("fastspeech2", tiny.FASTSPEECH2, **changes)
    model = tiny.TTSTask.build_model(args)
    with torch.no_grad():
        model.tts.pitch_predictor.linear.weight.zero_()
        model.tts.pitch_predictor.linear.bias.fill_(1.0)
    return tiny.save_model(folder, args, model)


def test_speech_with_normalised_pitch(vocoders, tmp_path):
    # One deviation above the mean of log F0.
    mean, std = math.log(200.0), 0.2
    stats = tmp_path / "pitch.npz"
    np.savez(stats, count=1, sum=np.array([mean]), sum_square=np.array([mean**2 + std**2]))
    files = speaker(tmp_path, pitch_normalize="global_mvn", pitch_normalize_conf=dict(stats_file=str(stats)))
    text2speech = Text2Speech(*files, vocoder_file=str(vocoders / "nhv"))
    seen = given_to_vocoder(text2speech)
    out = text2speech(torch.tensor([4, 3, 5]))
    assert len(out["wav"]) == 256 * len(out["feat_gen"]) and text2speech.fs == 44100
    np.testing.assert_allclose(seen["f0"], 200.0 * math.exp(std), rtol=1e-4)


def test_another_hop_is_adapted_and_other_bands_are_refused(vocoders, singers, tmp_path, label_timing):
    other = FeatureSpec(hop_length=512, log_base=None)
    torch.manual_seed(0)
    args = tiny.singing_args("naive_rnn_dp", tiny.NAIVE, spec=other)
    files = tiny.save_model(tmp_path / "hop", args, tiny.SVSTask.build_model(args))
    singer = SingingGenerate(*files, vocoder_checkpoint=str(vocoders / "nhv"))
    seen = given_to_vocoder(singer)
    out = singer(song())
    assert seen["spec"] == other and len(out["wav"]) == 512 * len(out["feat_gen"])
    args = tiny.singing_args("naive_rnn_dp", tiny.NAIVE, spec=FeatureSpec(n_mels=80, fmin=80))
    files = tiny.save_model(tmp_path / "bands", args, tiny.SVSTask.build_model(args))
    with pytest.raises(UserError, match="features of the acoustic model have n_mels 80 but the vocoder needs 128"):
        SingingGenerate(*files, vocoder_checkpoint=str(vocoders / "nhv"))


def test_mistakes_are_said_in_one_sentence(vocoders, singers, tmp_path):
    def sing(checkpoint, config=None, files=singers["xiaoice"]):
        path = tmp_path / "voc.yaml"
        path.write_text(yaml.safe_dump(config or {}))
        return SingingGenerate(*files, vocoder_config=str(path), vocoder_checkpoint=str(checkpoint))

    with pytest.raises(UserError, match="not a saved vocoder"):
        sing(tmp_path)
    save_vocoder(build_vocoder("world", tiny.SPEC), tmp_path / "world", "none", "nothing")
    with pytest.raises(UserError, match="World analyses a recording, and an acoustic model has none"):
        sing(tmp_path / "world")
    with pytest.raises(UserError, match="there is no option 'f0'; there are f0_source, spec"):
        sing(vocoders / "nhv", dict(f0="score"))
    with pytest.raises(UserError, match="f0_source is 'guess'; give one of auto, model, score"):
        sing(vocoders / "nhv", dict(f0_source="guess"))
    with pytest.raises(UserError, match="NaiveRNNDP predicts none: give f0_source: score"):
        sing(vocoders / "nhv", dict(f0_source="model"), singers["naive_rnn_dp"])
    # Pitch that was normalised in XiaoiceSing's training is no pitch any more.
    np.savez(tmp_path / "pitch.npz", count=2, sum=np.array([11.0]), sum_square=np.array([61.0]))
    args = tiny.singing_args("xiaoice", tiny.XIAOICE, pitch_normalize="global_mvn",
                             pitch_normalize_conf=dict(stats_file=str(tmp_path / "pitch.npz")))  # fmt: skip
    files = tiny.save_model(tmp_path / "normed", args, tiny.SVSTask.build_model(args))
    with pytest.raises(UserError, match="pitch_normalize puts every note below the mean there"):
        sing(vocoders / "nhv", None, files)
    assert sing(vocoders / "nhv", dict(f0_source="score"), files).vocoder.f0_source == "score"
    # Text-to-speech without F0.
    args = tiny.speech_args(
        "fastspeech", {k: v for k, v in tiny.FASTSPEECH2.items() if "gy_" not in k and "pitch" not in k}
    )
    files = tiny.save_model(tmp_path / "fastspeech", args, tiny.TTSTask.build_model(args))
    with pytest.raises(UserError, match="FastSpeech predicts none: use FastSpeech2, or a vocoder without F0"):
        Text2Speech(*files, vocoder_file=str(vocoders / "nhv"))
    Text2Speech(*files, vocoder_file=str(vocoders / "hifigan"))
    set_durations("label")
    try:
        notes, label, _, _ = tiny.score()
        with pytest.raises(UserError, match="this score has no label"):
            sing(vocoders / "nhv")(dict(score=notes, text=" ".join(label[1])))
    finally:
        set_durations("predicted")
    with pytest.raises(UserError, match="--durations is 'labels'"):
        set_durations("labels")


def test_spec_of_a_model_is_what_its_features_are():
    args = tiny.singing_args("naive_rnn_dp", tiny.NAIVE, spec=FeatureSpec(log_base=None, hop_length=512))
    spec = spec_of(tiny.SVSTask.build_model(args).feats_extract)
    assert spec == FeatureSpec(log_base=None, hop_length=512)
    with pytest.raises(UserError, match="has no feats_extract"):
        spec_of(None)
