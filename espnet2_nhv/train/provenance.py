"""What the card of a trained vocoder says of its data: licence, corpus, and the voices with their attributions."""

import argparse
from pathlib import Path
from typing import List, NamedTuple

from espnet2_nhv.feature.licence import FILE, UNKNOWN, Source, load_sources, strictest
from espnet2_nhv.vocoder.saved import card_sources, load_card


class Provenance(NamedTuple):
    """Arguments of :func:`espnet2_nhv.vocoder.saved.save_vocoder`."""

    licence: str
    trained_on: str
    sources: List[Source]


def provenance(args: argparse.Namespace) -> Provenance:
    """Gather it for a training.

    The voices are those of ``--sources``, or of ``sources.yaml`` in the training data, and what the weights that it
    starts from were trained on. Their strictest licence is that of the whole. ``--licence`` is what the user says of
    his data; it does not undo the licence of the weights it starts from.

    Parameters
    ----------
    args : Namespace with train_data, sources, licence, trained_on and init_vocoder, each but the first may be None

    Raises
    ------
    UserError
        If a list of sources, or the card of the weights, cannot be read.
    """
    path = Path(args.sources) if args.sources else Path(args.train_data) / FILE
    sources = load_sources(path) if args.sources or path.exists() else []
    licences = [args.licence] if args.licence else [source.licence for source in sources] or [UNKNOWN]
    trained_on = args.trained_on or str(args.train_data)
    if sources:
        trained_on += ": " + ", ".join(f"{source.name} ({source.licence})" for source in sources)
    if args.init_vocoder is not None:
        card = load_card(args.init_vocoder)
        licences.append(card.get("licence", UNKNOWN))
        trained_on += f"; before that, on {card.get('trained_on', UNKNOWN)}"
        sources += [source for source in card_sources(card) if source not in sources]
    return Provenance(strictest(licences), trained_on, sources)
