"""Joint models of ESPnet with our vocoders: built by ESPnet's tasks, trained and inferred by its models."""

import dataclasses
import math
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tiny_espnet as tiny
import torch
import yaml
from espnet2.gan_svs.joint import joint_score2wav
from espnet2.layers.utterance_mvn import UtteranceMVN
from small import SMALL, SMALL_DISCRIMINATORS

from espnet2_nhv.discriminator.registry import DISCRIMINATORS
from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.features import global_statistics
from espnet2_nhv.espnet.listener import set_durations
from espnet2_nhv.feature.convert import convert_features
from espnet2_nhv.train.config import load_config
from espnet2_nhv.train.model import ESPnetGANVocoderModel
from espnet2_nhv.vocoder import build_vocoder, save_vocoder
from espnet2_nhv.vocoder.registry import VOCODERS, vocoder_class

ROOT = Path(__file__).resolve().parents[2]
STOCK = {"hifigan_generator": dict(channels=32), "melgan_generator": dict(channels=256)}
# Those that features alone drive.
TRAINABLE = [name for name in VOCODERS if vocoder_class(name).trainable and not vocoder_class(name).needs_wav]
N_FRAMES = 103  # of the song, by its label


@pytest.fixture(scope="module")
def batch():
    return tiny.singing_batch()


@pytest.fixture(scope="module")
def one(batch):
    return tiny.first_song(batch)


def build(*args, **kwargs):
    torch.manual_seed(0)
    return tiny.GANSVSTask.build_model(tiny.singing_args("joint_score2wav", tiny.joint(*args, **kwargs)))


@pytest.fixture(scope="module")
def nhv():
    return build()


@pytest.fixture
def label_timing():
    set_durations("label")
    yield
    set_durations("predicted")


@pytest.mark.parametrize("name", [*TRAINABLE, *STOCK])
def test_every_vocoder_trains_and_sings(name, batch, one, label_timing):
    model = build(name, vocoder_params=dict({**SMALL, **STOCK, "nhv": tiny.NHV}.get(name, {})))
    for turn, part in ((True, model.svs.generator), (False, model.svs.discriminator)):
        out = model(**batch, forward_generator=turn)
        assert out["optim_idx"] == (0 if turn else 1) and torch.isfinite(out["loss"]).all()
        model.zero_grad()
        out["loss"].backward()
        assert all(p.grad is None or torch.isfinite(p.grad).all() for p in part.parameters())
    vocoder = model.svs.generator["vocoder"]
    assert any(p.grad is None or p.grad.abs().sum() == 0 for p in vocoder.parameters())  # D's turn spares it
    model.eval()
    out = model.inference(**one, use_teacher_forcing=False)
    assert out["wav"].shape == (N_FRAMES * 256,) and torch.isfinite(out["wav"]).all()
    assert out["feat_gen"].shape == (N_FRAMES, 128)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_our_discriminators_judge(name, batch):
    model = build(discriminator_type=name, discriminator_params=dict(SMALL_DISCRIMINATORS[name]), segment_size=32)
    out = model(**batch, forward_generator=False)
    out["loss"].backward()
    assert out["stats"]["discriminator_loss"] > 0
    assert sum(p.grad.abs().sum() for p in model.svs.discriminator.parameters() if p.grad is not None) > 0


@pytest.mark.parametrize("generator_first", (True, False))
def test_without_a_discriminator_only_the_generator_costs(generator_first, batch):
    model = build(discriminator_type="none", lambda_adv=3.0).train()
    second, made = torch.optim.AdamW(model.svs.discriminator.parameters(), lr=1.0), []
    model.svs.generator["vocoder"].register_forward_hook(lambda *call: made.append(call))
    for turn in (generator_first, not generator_first):
        out = model(**batch, forward_generator=turn)
        out["loss"].backward()
        if turn:
            stats = out["stats"]
            assert float(stats["adv_loss"]) == 0 and "feat_match_loss" not in stats
            assert float(stats["loss"]) == pytest.approx(float(stats["score2mel_loss"] + stats["mel_loss"]), rel=1e-5)
        else:
            second.step()
    assert len(made) == 1
    assert all(float(p.detach()) == 0 for p in model.svs.discriminator.parameters())


def heard_by_vocoder(model, batch):
    """What the vocoder is given, and where in the waveform ESPnet cut."""
    seen = {}
    vocoder = model.svs.generator["vocoder"]
    hook = vocoder.register_forward_pre_hook(lambda module, args: seen.update(c=args[0].detach()))
    cut = joint_score2wav.get_random_segments

    def spy(**kwargs):
        segments, starts = cut(**kwargs)
        seen.update(starts=starts, whole=kwargs["x"].detach())
        return segments, starts

    joint_score2wav.get_random_segments = spy
    try:
        model(**{name: value.clone() for name, value in batch.items()}, forward_generator=True)
    finally:
        hook.remove()
        joint_score2wav.get_random_segments = cut
    return seen


@pytest.mark.parametrize("seed", range(3))
def test_f0_stays_with_its_mel_and_its_sound(seed, nhv, batch):
    torch.manual_seed(seed)
    seen = heard_by_vocoder(nhv.train(), batch)
    _, _, _, f0 = tiny.score()
    truth = np.interp(np.arange(N_FRAMES) * 256 - 4410, np.arange(len(f0)), f0)  # the notes begin after 0.1 s
    for c, whole, start in zip(seen["c"], seen["whole"], seen["starts"]):
        torch.testing.assert_close(c, whole[:, start : start + 8])
        frames = np.arange(start, start + 8)
        inside = (frames > 25) & (frames < 66)  # in a note, away from its ends
        assert np.all(np.abs(1200 * np.log2(c[-1].numpy() / truth[frames]))[inside] < 30)


def test_f0_of_the_score_and_of_the_model(batch, one, label_timing):
    by_score = build(f0_source="score")
    frames = heard_by_vocoder(by_score, batch)["whole"][0, -1]
    notes = [440 * 2 ** ((note - 69) / 12) for note in (57, 64)]
    durations = batch["duration_phn"][0].tolist()  # pau, k, a, o
    expected = [notes[0]] * sum(durations[:3]) + [notes[1]] * durations[3]
    np.testing.assert_allclose(frames, expected[: len(frames)], rtol=1e-5)

    predicted = build(f0_source="predicted")
    last = predicted.svs.generator["score2mel"].linear_projection
    with torch.no_grad():
        last.weight[-2:] = 0.0
        last.bias[-2:] = torch.tensor([math.log(300.0), 5.0])  # log F0 and voicing
    frames = heard_by_vocoder(predicted, batch)["whole"][0, -1]
    np.testing.assert_allclose(frames, 300.0, rtol=1e-5)
    out = predicted.eval().inference(**one, use_teacher_forcing=False)
    np.testing.assert_allclose(out["f0"].detach(), 300.0, rtol=1e-5)
    with torch.no_grad():
        last.bias[-1] = -5.0  # unvoiced throughout: the middle of the range
    out = predicted.inference(**one, use_teacher_forcing=False)
    np.testing.assert_allclose(out["f0"].detach(), math.sqrt(50 * 1200), rtol=1e-5)


def test_model_without_f0_sings_the_notes(one):
    model = build(acoustic="naive_rnn_dp").eval()
    out = model.inference(**one, use_teacher_forcing=False)
    notes = [440 * 2 ** ((note - 69) / 12) for note in (57, 64)]
    assert len(out["f0"]) == len(out["feat_gen"]) and notes[0] - 1 < out["f0"].min() <= out["f0"].max() < notes[1] + 1
    with pytest.raises(UserError, match="NaiveRNNDP predicts none: give f0_source: score"):
        build(acoustic="naive_rnn_dp", f0_source="predicted")


def test_teacher_forcing_uses_the_recording(nhv, batch, one):
    out = nhv.eval().inference(**one, singing=batch["singing"][0], use_teacher_forcing=True)
    assert out["feat_gen"].shape == (N_FRAMES, 128)
    assert 200 < out["f0"][40] < 240 and 300 < out["f0"][90] < 360
    nhv.train()


def test_normalised_mel_reaches_the_vocoder_raw(tmp_path, batch, one):
    raw = tiny.SVSTask.build_model(tiny.singing_args("xiaoice", tiny.XIAOICE))
    feats, lengths = raw.feats_extract(batch["singing"], batch["singing_lengths"])
    values = feats[0, : lengths[0]].double().numpy()
    stats = tmp_path / "stats.npz"
    np.savez(stats, count=len(values), sum=values.sum(0), sum_square=(values**2).sum(0))
    args = tiny.singing_args("joint_score2wav", tiny.joint(), normalize="global_mvn",
                             normalize_conf=dict(stats_file=str(stats)))  # fmt: skip
    model = tiny.GANSVSTask.build_model(args)
    vocoder = model.svs.generator["vocoder"]
    np.testing.assert_allclose(vocoder.vocoder.mel_mean[:, 0], values.mean(0), atol=1e-4)
    normed = model.normalize(feats[:1].clone(), lengths[:1])[0]
    mel, _ = vocoder.split(torch.cat([normed, torch.full_like(normed[..., :1], 200.0)], dim=-1).transpose(1, 2))
    torch.testing.assert_close(mel[0].T, feats[0], atol=1e-3, rtol=0)
    assert model.eval().inference(**one, use_teacher_forcing=False)["feat_gen_denorm"].shape[1] == 128
    # ESPnet's program reads the statistics from the checkpoint, the vocoder's too.
    config, weights = tiny.save_model(tmp_path / "joint", args, model)
    again, _ = tiny.GANSVSTask.build_model_from_file(config, weights)
    torch.testing.assert_close(again.svs.generator["vocoder"].feats_mean, vocoder.feats_mean)


def test_starts_from_a_saved_vocoder(tmp_path, batch):
    saved = build_vocoder("nhv", tiny.SPEC, **tiny.NHV)
    saved.set_stats(torch.full((128,), -3.0), torch.full((128,), 0.5))
    save_vocoder(saved, tmp_path / "nhv", "CC0-1.0", "nothing")
    args = tiny.singing_args("joint_score2wav", tiny.joint(vocoder_params=dict(init_vocoder=str(tmp_path / "nhv"))))
    model = tiny.GANSVSTask.build_model(args)
    ours = model.svs.generator["vocoder"].vocoder.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in saved.state_dict().items())
    # What ESPnet saves names no other file.
    assert "init_vocoder" not in args.svs_conf["vocoder_params"]
    assert args.svs_conf["vocoder_params"]["channels"] == 16
    with pytest.raises(UserError, match="is nhv, but vocoder_type is hifigan"):
        build("hifigan", vocoder_params=dict(init_vocoder=str(tmp_path / "nhv")))


def test_missing_and_unknown_weights_are_named(tmp_path, nhv):
    args = tiny.singing_args("joint_score2wav", tiny.joint())
    tiny.GANSVSTask.build_model(args)
    config, weights = tiny.save_model(tmp_path, args, nhv)
    states = nhv.state_dict()
    gone = next(name for name in states if "vocoder.network" in name)
    torch.save({name: value for name, value in states.items() if name != gone}, weights)
    with pytest.raises(UserError, match=f"has no weights {gone}"):
        tiny.GANSVSTask.build_model_from_file(config, weights)
    torch.save({**states, "svs.extra": torch.zeros(1)}, weights)
    with pytest.raises(UserError, match="has unknown weights svs.extra"):
        tiny.GANSVSTask.build_model_from_file(config, weights)
    judges = [name for name in states if ".discriminator." in name]
    torch.save({name: value for name, value in states.items() if name != judges[0]}, weights)
    with pytest.raises(UserError, match=f"has no weights {judges[0]}"):
        tiny.GANSVSTask.build_model_from_file(config, weights)
    # Without the whole discriminator, which does not sing, it is a model to sing with.
    torch.save({name: value for name, value in states.items() if name not in judges}, weights)
    model, _ = tiny.GANSVSTask.build_model_from_file(config, weights)
    assert all(torch.equal(value, states[name]) for name, value in model.state_dict().items() if name not in judges)


MISTAKES = {
    "there is no vocoder 'nvh'; there are ": (dict(vocoder_type="nvh"), {}),
    "there is no discriminator 'judge'; there are ": (dict(discriminator_type="judge"), {}),
    "there is no argument 'segment'": (dict(segment=3), {}),
    "f0_source is 'guess'; give one of ground_truth, predicted, score": (dict(f0_source="guess"), {}),
    "vocoder_params of nhv: got an unexpected keyword argument .channel": (dict(vocoder_params=dict(channel=3)), {}),
    "have n_mels 128 but the vocoder needs 80": (
        dict(vocoder_params=dict(spec=dict(n_mels=80), **tiny.NHV)), {}),
    "have hop_length 256 but the vocoder makes 512": (
        dict(vocoder_params=dict(spec=dict(hop_length=512), **tiny.NHV)), {}),
    "sampling_rate is 22050, but feats_extract works at fs 44100": (dict(sampling_rate=22050), {}),
    "pitch_normalize puts every note below the mean there": ({}, dict(pitch_normalize="global_mvn")),
}  # fmt: skip


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_said_in_one_sentence(message, tmp_path):
    conf, changes = MISTAKES[message]
    if "pitch_normalize" in changes:
        np.savez(tmp_path / "pitch.npz", count=2, sum=np.array([11.0]), sum_square=np.array([61.0]))
        changes = dict(pitch_normalize="global_mvn", pitch_normalize_conf=dict(stats_file=str(tmp_path / "pitch.npz")))
    with pytest.raises(UserError, match=message):
        tiny.GANSVSTask.build_model(tiny.singing_args("joint_score2wav", tiny.joint(**conf), **changes))


VOCODER_LOSS = dict(
    weights=dict(mr_stft=1.0, repulsion=0.4, band_level=10.0, periodicity=6.0, modulation=1.5),
    periodicity_loss_conf=dict(balance=2.0),
)


def test_the_vocoders_own_losses_judge_it(batch):
    model = build(vocoder_loss=VOCODER_LOSS, lambda_mel=1.0)
    vocoder, seen = model.svs.generator["vocoder"], {}
    model.svs.mel_loss.register_forward_hook(lambda module, args, output: seen.update(args=args, loss=output))
    torch.manual_seed(1)
    out = model(**batch, forward_generator=True)
    assert out["stats"]["mel_loss"] == pytest.approx(float(seen["loss"].detach()))
    # As the vocoder's own training weighs them, of the same two draws.
    alone = ESPnetGANVocoderModel(vocoder.vocoder, None, VOCODER_LOSS["weights"],
                                  periodicity_loss_conf=VOCODER_LOSS["periodicity_loss_conf"])  # fmt: skip
    hat, wav = seen["args"]
    with mock.patch.object(alone, "_generate", lambda *features: (hat, vocoder.another, {})):
        wanted, _ = alone._generator_turn(wav, None, vocoder.f0, {})
    torch.testing.assert_close(seen["loss"], wanted)
    assert (hat != vocoder.another).any()
    out["loss"].backward()
    assert all(p.grad is not None for p in vocoder.parameters())


def test_the_recipes_losses_are_those_of_nhvs_training():
    alone = load_config(ROOT / "conf" / "train" / "nhv.yaml")
    joint = load_config(ROOT / "conf" / "joint" / "note" / "xiaoice_nhv.yaml")["svs_conf"]["vocoder_loss"]
    wanted = {name: weight for name, weight in alone["loss_weights"].items() if name != "adversarial"}
    assert joint.pop("weights") == wanted
    assert joint == {name: alone[name] for name in alone if name.endswith("_loss_conf")}


def test_the_recipes_singer_is_the_one_that_is_shipped():
    """Trainings that go on from pretrained/sing_pjs, alone or jointly, keep its contour of F0."""
    note, shipped = ROOT / "conf" / "joint" / "note", ROOT / "pretrained" / "sing_pjs" / "config.yaml"
    alone = load_config(note / "xiaoice.yaml")["svs_conf"]
    assert load_config(note / "xiaoice_nhv.yaml")["svs_conf"]["score2mel_params"] == alone
    assert alone.items() <= yaml.safe_load(shipped.read_text())["svs_conf"].items()


WRONG_LOSSES = {
    "there is no loss 'stft'": ("nhv", dict(weights=dict(stft=1.0))),
    "that of mr_stft above 0": ("nhv", dict(weights=dict(band_level=1.0))),
    "vocoder_loss: .*missing .*'weights'": ("nhv", dict(weight=dict(mr_stft=1.0))),
    "vocoder_loss: .*unexpected keyword argument 'stft_conf'": ("nhv", dict(weights=dict(mr_stft=1.0), stft_conf={})),
    "periodicity takes a vocoder that reads F0": ("hifigan", dict(weights=dict(mr_stft=1.0, periodicity=1.0))),
    "vocoder_loss takes a vocoder of espnet2_nhv": ("hifigan_generator", dict(weights=dict(mr_stft=1.0))),
}


@pytest.mark.parametrize("message", WRONG_LOSSES)
def test_wrong_losses_are_said_in_one_sentence(message):
    vocoder, loss = WRONG_LOSSES[message]
    params = {"nhv": tiny.NHV, "hifigan": dict(channels=16), **STOCK}[vocoder]
    with pytest.raises(UserError, match=message):
        build(vocoder, vocoder_params=dict(params), vocoder_loss=loss)


def test_normalisation_that_cannot_be_undone_is_refused():
    with pytest.raises(UserError, match="normalize: UtteranceMVN cannot be undone"):
        global_statistics(UtteranceMVN(), 128)


def test_segments_longer_than_the_songs_are_refused(batch):
    with pytest.raises(UserError, match="segment_size is 500 frames, but the longest utterance of a batch has 103"):
        build(segment_size=500)(**batch, forward_generator=True)


def speech(**conf):
    conf = dict(segment_size=8, vocoder_type="nhv", vocoder_params=dict(tiny.NHV), text2mel_params=tiny.FASTSPEECH2,
                **tiny.DISCRIMINATOR, **conf)  # fmt: skip
    args = tiny.speech_args("joint_text2wav", conf)
    torch.manual_seed(0)
    return args, tiny.GANTTSTask.build_model(args)


def test_speech_trains_and_speaks(tmp_path):
    from espnet2.bin.tts_inference import Text2Speech

    args, model = speech()
    batch = tiny.speech_batch()
    seen = {}
    vocoder = model.tts.generator["vocoder"]
    vocoder.register_forward_pre_hook(lambda module, args: seen.update(f0=args[0][:, -1]))
    for turn in (True, False):
        out = model(**batch, forward_generator=turn)
        assert torch.isfinite(out["loss"]).all()
    assert 195 < seen["f0"].min() and seen["f0"].max() < 360  # frame by frame that of the recording
    text2speech = Text2Speech(*tiny.save_model(tmp_path, args, model))
    out = text2speech(batch["text"][0])
    assert out["wav"].shape == (len(out["feat_gen"]) * 256,) and text2speech.fs == 44100
    with pytest.raises(UserError, match="give one of ground_truth, predicted"):
        speech(f0_source="score")


def test_frames_of_another_hop_are_interpolated_for_the_vocoder():
    """An acoustic model with half as many frames, and the vocoder as it was trained."""
    coarse = dataclasses.replace(tiny.SPEC, hop_length=512)
    torch.manual_seed(0)
    conf = tiny.joint(vocoder_params=dict(spec=tiny.SPEC.to_dict(), **tiny.NHV))
    model = tiny.GANSVSTask.build_model(tiny.singing_args("joint_score2wav", conf, coarse))
    batch = tiny.singing_batch(coarse)
    for turn in (True, False):
        model(**batch, forward_generator=turn)["loss"].backward()
    vocoder = model.svs.generator["vocoder"]
    c = torch.cat([torch.randn(1, 128, 9), 200 + 50 * torch.rand(1, 1, 9)], dim=1)
    mel, f0 = vocoder.split(c)
    wanted = convert_features(c[0, :128].T, c[0, 128], coarse, tiny.SPEC)
    torch.testing.assert_close(mel[0].T, wanted[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(f0[0, 0], wanted[1], rtol=1e-4, atol=1e-2)
    assert vocoder(c).shape == (1, 1, 9 * 512)
