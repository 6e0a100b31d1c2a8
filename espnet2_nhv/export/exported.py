"""What exported vocoders have in common, whatever runs them: the card in their file says what they are."""

from pathlib import Path
from typing import Union

from espnet2_nhv.vocoder.synthesizer import Synthesizer


class ExportedVocoder(Synthesizer):
    """An exported NHV, with the calls of one that was not.

    Parameters
    ----------
    path : of the file
    card : dict, as :func:`espnet2_nhv.export.card.check_card` returns it
    """

    needs_f0 = True

    def __init__(self, path: Union[str, Path], card: dict):
        self.path, self.card, self.spec = path, card, card["spec"]
        # A graph of whole utterances sees to the centre of its frames itself.
        self.grid_centre = self.spec.frame_centre

    @property
    def takes_mel_f0(self) -> bool:
        """Whether it makes a difference at which F0 the mel was sung."""
        return self.card.get("takes_mel_f0", False)

    @property
    def takes_knobs(self) -> bool:
        """Whether it was written when there were knobs."""
        return self.card.get("takes_knobs", False)
