"""Joint training in two processes, as ESPnet's --ngpu 2 has it, is joint training in one; run, this is one of two."""

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch

TESTS = Path(__file__).resolve().parents[1]
SEGMENT = 103  # frames: the whole song, so that chance has no part in what is cut out of it
VOCODERS = ("nhv", "hifigan")


def song(tiny, args, shift):
    """A song of one length whatever its notes, so that a mean over the batch is the mean of the processes' means."""
    (tempo, notes), label, wav, _ = tiny.score()
    notes = [(start, end, lyric, note + shift if note else 0, phones) for start, end, lyric, note, phones in notes]
    data = dict(singing=wav, score=(tempo, notes), label=label, text=" ".join(label[1]))
    return f"song{shift}", tiny.SVSTask.build_preprocess_fn(args, True)("song", data)


def build(tiny, vocoder):
    still = dict(tiny.XIAOICE, f0_layers=1, f0_chans=8, f0_dropout_rate=0.0, duration_predictor_dropout_rate=0.0)
    for half in ("enc", "dec"):
        for what in ("", "positional_", "attn_"):
            still[f"transformer_{half}_{what}dropout_rate"] = 0.0
    conf = tiny.joint(vocoder, acoustic="note_xiaoice", acoustic_params=still, segment_size=SEGMENT)
    if vocoder == "nhv":
        weights = dict(mr_stft=1.0, repulsion=0.4, band_level=1.0, periodicity=1.0)
        # The linear term is divided by the level of what a process has of the batch.
        conf["vocoder_loss"] = dict(weights=weights, stft_loss_conf=dict(linear_weight=0.0))
    else:
        conf["vocoder_params"] = dict(channels=16)
    torch.manual_seed(0)
    model = tiny.GANSVSTask.build_model(tiny.singing_args("joint_score2wav", conf)).train()
    if vocoder == "nhv":
        model.svs.generator["vocoder"].vocoder.noise.zero_()  # or each process draws its own
    return model


def train(vocoder, rank=0, n_ranks=1):
    """Two turns of each half; losses of the turns, and how far the weights have come."""
    import tiny_espnet as tiny

    args = tiny.singing_args("xiaoice", {})
    songs = [song(tiny, args, shift) for shift in (0, 5)][rank :: max(n_ranks, 1)]
    batch = tiny.SVSTask.build_collate_fn(args, True)(songs)[1]
    model = build(tiny, vocoder)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    wrapped = model
    if n_ranks > 1:  # as ESPnet's trainer has it
        wrapped = torch.nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)
    halves = model.svs.generator, model.svs.discriminator
    optimizers = [torch.optim.SGD(half.parameters(), lr=1e-4) for half in halves]
    losses = []
    # Every phase starts at 0.
    with mock.patch.object(torch, "rand", torch.zeros):
        for turn in (0, 1, 0, 1):
            copied = {name: value.clone() for name, value in batch.items()}
            result = wrapped(**copied, forward_generator=turn == 0)
            loss, weight = result["loss"].sum(), result["weight"].sum()
            total = weight.clone().float()
            if n_ranks > 1:
                torch.distributed.all_reduce(total)
            loss = loss * weight / total * n_ranks
            model.zero_grad()
            loss.backward()
            optimizers[turn].step()
            losses.append(float(loss.detach()) / n_ranks)
    return losses, {name: p.detach() - before[name] for name, p in model.named_parameters()}


@pytest.mark.slow
def test_two_processes_train_as_one_does(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, str(rank)], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    try:
        ones = {vocoder: train(vocoder) for vocoder in VOCODERS}
        for process in processes:
            errors = process.communicate()[1]
            assert process.returncode == 0, errors
    finally:
        for process in processes:
            process.kill()
    for vocoder, (losses, moves) in ones.items():
        both = [torch.load(tmp_path / f"{vocoder}{rank}.pth", weights_only=True) for rank in range(2)]
        assert losses == pytest.approx([sum(pair) for pair in zip(*(other["losses"] for other in both))], rel=1e-3)
        for half in ("generator.score2mel", "generator.vocoder", "discriminator"):
            names = [name for name in moves if name.startswith(f"svs.{half}")]
            one, first, second = (
                torch.cat([m[n].flatten() for n in names]) for m in (moves, *(b["moves"] for b in both))
            )
            assert torch.equal(first, second), (vocoder, half)
            assert (first - one).norm() < 1e-2 * one.norm() and one.norm() > 0, (vocoder, half)


if __name__ == "__main__":
    sys.path.insert(0, str(TESTS))
    torch.distributed.init_process_group("gloo", init_method=f"file://{Path('meet').resolve()}", rank=int(sys.argv[1]),
                                         world_size=2)  # fmt: skip
    for name in VOCODERS:
        losses, moves = train(name, int(sys.argv[1]), 2)
        torch.save(dict(losses=losses, moves=moves), f"{name}{sys.argv[1]}.pth")
    torch.distributed.destroy_process_group()
