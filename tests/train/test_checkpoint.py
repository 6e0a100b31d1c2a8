"""Checkpoints that survive being killed while they are written."""

from espnet2_nhv.train import checkpoint


def test_a_kill_while_saving_goes_back_one_checkpoint(tmp_path):
    current = tmp_path / "checkpoint.pth"
    # The first one ever: nothing to go back to.
    checkpoint.set_aside(tmp_path)
    current.write_text("half")
    checkpoint.restore(tmp_path)
    assert not list(tmp_path.iterdir())
    # A whole one, then one killed halfway.
    checkpoint.set_aside(tmp_path)
    current.write_text("epoch 1")
    checkpoint.release(tmp_path)
    checkpoint.restore(tmp_path)
    assert current.read_text() == "epoch 1"
    checkpoint.set_aside(tmp_path)
    current.write_text("half")
    checkpoint.restore(tmp_path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("checkpoint.pth", "epoch 1")]
