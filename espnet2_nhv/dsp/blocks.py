"""How much to work on at a time."""

import torch

# Real numbers in the spectra of a block, for each thread: with the frames they come of they fit a cache of 2 MB.
_BLOCK = 2**18


def signals_a_block(n_numbers: int, device: torch.device) -> int:
    """How many signals' spectra to work on at a time: on a CPU what its cores' caches hold, elsewhere all.

    Parameters
    ----------
    n_numbers : int, real numbers in the spectra of a signal
    device : torch.device

    Returns
    -------
    n_signals : int >= 1
    """
    if device.type != "cpu":
        return 2**31
    return max(1, _BLOCK * torch.get_num_threads() // max(1, n_numbers))
