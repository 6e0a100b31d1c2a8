"""Training a vocoder on ESPnet's task and GAN trainer."""

import contextlib
import io
import os

# Read when PyTorch is loaded. Threads that wait actively for each other make a step ten times slower as soon as
# anything else wants a core; waiting passively costs microseconds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# ESPnet's tasks load this, and it prints that it does without an optional package.
with contextlib.redirect_stdout(io.StringIO()):
    import espnet.nets.pytorch_backend.transformer.attention  # noqa: E402, F401
