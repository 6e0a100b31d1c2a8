"""XiaoiceSing on the note: F0 is a difference from the score, and mel follows it."""

import math

import numpy as np
import pytest
import tiny_espnet as tiny
import torch

from espnet2_nhv.espnet.listener import set_durations
from espnet2_nhv.espnet.note_xiaoice import NumberEncoding
from espnet2_nhv.espnet.score_frames import fill_rests, note_contour, positions, token_of_frame

CONF = dict(tiny.XIAOICE, f0_layers=1, f0_chans=8, glide_frames=5)
N_FRAMES = 103


@pytest.fixture(scope="module")
def batch():
    return tiny.singing_batch()


@pytest.fixture
def label_timing():
    set_durations("label")
    yield
    set_durations("predicted")


def build(**changes):
    torch.manual_seed(0)
    return tiny.SVSTask.build_model(tiny.singing_args("note_xiaoice", {**CONF, **changes}))


def one(batch):
    return {name: value[0] for name, value in batch.items() if not name.endswith("_lengths") and name != "singing"}


def copied(batch):
    return {name: value.clone() for name, value in batch.items()}


def test_untrained_it_sings_the_notes(batch, label_timing):
    model = build().eval()
    out = model.inference(**one(batch), use_teacher_forcing=False)
    f0 = model.svs.listener.f0("model", len(out["feat_gen"]), tiny.SPEC)[0]
    notes = [440 * 2 ** ((note - 69) / 12) for note in (57, 64)]
    durations = batch["duration_phn"][0].tolist()  # pau, k, a, o
    change = sum(durations[:3])
    np.testing.assert_allclose(f0[: change - 3], notes[0], rtol=1e-4)  # the pause before a note has its F0
    np.testing.assert_allclose(f0[change + 3 :], notes[1], rtol=1e-4)
    assert notes[0] < f0[change] < notes[1]  # and between notes it glides


def test_every_part_learns(batch):
    model = build()
    loss, stats, _ = model(**copied(batch))
    loss.backward()
    unused = [
        name for name, p in model.svs.named_parameters() if p.grad is None or p.grad.abs().sum() == 0
    ]  # fmt: skip
    # From F0's last layer, which begins at 0, nothing comes back in the first step.
    assert all(name.startswith("f0_predictor.conv") for name in unused), unused
    assert 0 <= stats["pitch_loss"] < 0.1


def test_f0_is_learnt_in_semitones(batch):
    model = build(lambda_pitch=1.0)
    singing = copied(batch)
    singing["pitch"] = torch.full((2, N_FRAMES, 1), math.log(220.0) + 0.5 * math.log(2) / 12)  # a quarter tone high
    singing["pitch_lengths"] = singing["duration_phn"].sum(1)
    del singing["singing"], singing["singing_lengths"]
    singing.update(feats=torch.zeros(2, N_FRAMES, 128), feats_lengths=singing["pitch_lengths"].clone())
    singing["midi"].fill_(57)
    _, stats, _ = model(singing=torch.zeros(2, 1), singing_lengths=torch.ones(2), **singing)
    assert float(stats["pitch_loss"]) == pytest.approx(0.5 * 0.5**2, rel=1e-4)  # Huber's loss of half a semitone


def test_mel_follows_the_f0_that_is_sung(batch, label_timing):
    model = build(f0_bound=2.0).eval()
    mel = [model.inference(**one(batch), use_teacher_forcing=False)["feat_gen"]]
    with torch.no_grad():
        model.svs.f0_predictor.linear.bias.fill_(9.0)  # nine semitones higher, it says
    mel.append(model.inference(**one(batch), use_teacher_forcing=False)["feat_gen"])
    f0 = model.svs.listener.f0("model", N_FRAMES, tiny.SPEC)[0]
    assert float(f0[10]) == pytest.approx(220 * 2 ** (2 / 12), rel=1e-4)  # f0_bound
    assert (mel[0] - mel[1]).abs().max() > 1e-3


def test_attention_is_espnets(batch):
    fast, slow = build().eval(), build().eval()
    for module in slow.modules():
        if hasattr(module, "use_sdpa"):
            module.use_sdpa = False
    mels = [model(**copied(batch), flag_IsValid=True)[3] for model in (fast, slow)]
    torch.testing.assert_close(*mels, rtol=1e-4, atol=1e-4)


def test_joint_training_reads_the_scores_durations(batch, label_timing):
    torch.manual_seed(0)
    conf = tiny.joint(acoustic="note_xiaoice", acoustic_params=CONF)
    model = tiny.GANSVSTask.build_model(tiny.singing_args("joint_score2wav", conf))
    acoustic, read = model.svs.generator["score2mel"], []
    acoustic.duration_encode_layer.register_forward_pre_hook(lambda module, args: read.append(args[0]))
    for turn in (True, False):
        model(**copied(batch), forward_generator=turn)["loss"].backward()
    model.eval().inference(**one(batch), use_teacher_forcing=False)
    assert torch.equal(read[0], batch["duration_ruled_phn"]) and torch.equal(
        read[-1][0], batch["duration_ruled_phn"][0]
    )
    assert not torch.equal(batch["duration_ruled_phn"], batch["duration_phn"])


def test_numbers_that_are_near_are_alike():
    torch.manual_seed(0)
    for kind, values in (("note", [60.0, 60.1, 72.0, 0.0]), ("length", [100.0, 101.0, 400.0, 0.0])):
        near, same, far, none = NumberEncoding(16, kind)(torch.tensor([values]))[0]
        assert (near - same).norm() < 0.3 * (near - far).norm() and (near - none).norm() > 0.1


def test_places_of_frames():
    durations = torch.tensor([[2, 3, 0, 4], [1, 1, 0, 0]])
    index = token_of_frame(durations, 10)
    assert index.tolist() == [[0, 0, 1, 1, 1, 3, 3, 3, 3, 3], [0] + 9 * [1]]
    midi = torch.tensor([[0, 60, 62, 0], [0, 0, 0, 0]])
    assert fill_rests(midi).tolist() == [[60, 60, 62, 62], [60] * 4]
    notes = torch.tensor([[60, 60, 60, 62, 62, 62]])
    place = positions(torch.tensor([[3, 3]]), token_of_frame(torch.tensor([[3, 3]]), 6), notes)[0]
    np.testing.assert_allclose(place[:, 0], [1 / 6, 0.5, 5 / 6] * 2, rtol=1e-6)
    np.testing.assert_allclose(8 * place[:, 1], np.log2([1, 2, 3] * 2), atol=1e-6)
    np.testing.assert_allclose(8 * place[:, 5], np.log2([4, 3, 2] * 2), atol=1e-6)
    np.testing.assert_allclose(place[:, 6], [0, 0, 0, -1 / 6, -1 / 6, -1 / 6], atol=1e-6)
    np.testing.assert_allclose(place[:, 7], [1 / 6] * 3 + [0] * 3, atol=1e-6)
    assert place[:, 8].tolist() == [0, 0, 0, 1, 1, 1]
    curve = note_contour(notes, 3)
    np.testing.assert_allclose(curve[0], [60, 60, 60.5, 61.5, 62, 62], atol=1e-4)
