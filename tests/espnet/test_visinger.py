"""VISinger with a vocoder of ours for its decoder."""

import pytest
import tiny_espnet as tiny
import torch

from espnet2_nhv.errors import UserError
from espnet2_nhv.espnet.listener import set_durations


@pytest.fixture(scope="module")
def batch():
    return tiny.singing_batch()


@pytest.fixture(scope="module")
def one(batch):
    return tiny.first_song(batch)


def visinger(vocoder, **more):
    params = dict(
        hidden_channels=8, segment_size=8, text_encoder_blocks=1, posterior_encoder_layers=1, flow_flows=1,
        flow_layers=1, use_phoneme_predictor=False, vocoder_arguments=dict(tiny.NHV) if vocoder == "nhv" else {},
    )  # fmt: skip
    conf = dict(
        generator_type="visinger", vocoder_generator_type=vocoder, generator_params=params, **tiny.DISCRIMINATOR
    )
    pitch = dict(tiny.singing_args("vits", {}).pitch_extract_conf, use_log_f0=False, **more)
    return tiny.singing_args("vits", conf, pitch_extract_conf=pitch)


def test_visinger_sings_with_nhv(batch, one):
    torch.manual_seed(0)
    model = tiny.GANSVSTask.build_model(visinger("nhv"))
    seen = {}
    decoder = model.svs.generator.decoder
    decoder.vocoder.register_forward_pre_hook(lambda module, args: seen.update(f0=args[1]))
    for turn in (True, False):
        out = model(**batch, forward_generator=turn)
        assert torch.isfinite(out["loss"]).all()
        if turn:
            out["loss"].backward()
            assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in decoder.parameters())
    assert 195 < seen["f0"].min() and seen["f0"].max() < 360
    out = model.eval().inference(**one, use_teacher_forcing=False)
    assert len(out["wav"]) % 256 == 0 and torch.isfinite(out["wav"]).all()
    with pytest.raises(UserError, match="there is no vocoder 'nvh'"):
        tiny.GANSVSTask.build_model(visinger("nvh"))
    args = visinger("nhv")
    args.pitch_extract_conf["use_log_f0"] = True
    with pytest.raises(UserError, match="VISinger reads F0 in Hz"):
        tiny.GANSVSTask.build_model(args)


def test_visinger_sings_in_the_timing_of_labels_and_of_a_score(one):
    torch.manual_seed(0)
    model = tiny.GANSVSTask.build_model(visinger("nhv")).eval()

    def length():
        return len(model.inference(**one, use_teacher_forcing=False)["wav"])

    own = length()
    heard = []
    model.svs.listener.retime = lambda frames: heard.append(frames) or torch.full_like(frames, 7)
    assert length() == 256 * 7 * heard[0].shape[1]
    assert 256 * int(heard[0].sum()) == own
    model.svs.listener.retime = None
    set_durations("label")
    try:
        assert length() == 256 * int(one["duration_phn"].sum()) != own
    finally:
        set_durations("predicted")
