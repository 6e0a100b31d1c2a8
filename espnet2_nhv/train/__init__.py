"""Training a vocoder on ESPnet's task and GAN trainer."""

import os

# Read when PyTorch is loaded. Threads that wait actively for each other make a step ten times slower as soon as
# anything else wants a core; waiting passively costs microseconds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
