"""A set synthesised by a vocoder that was trained elsewhere."""

import json
from pathlib import Path
from typing import Dict, List, Optional, Union
from urllib.parse import quote

import yaml
from tqdm import tqdm

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.datadir import read_table, write_table
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.files import write_whole
from espnet2_nhv.synthesis.outputs import Outputs, leaving_out, state_of
from espnet2_nhv.synthesis.peer import Peer, maker, read_sound
from espnet2_nhv.synthesis.wav import write_wav
from espnet2_nhv.vocoder.saved import digest_of, load_card

PEER = "peer.yaml"  # in the experiment's folder: where it comes from


def decode_peer(peer: Peer, data: Union[str, Path], out: Union[str, Path], licence: Optional[str] = None) -> dict:
    """Synthesise a set by a peer, from where an earlier run stopped, as :func:`decode_set` lays it out.

    A peer is given the recordings and hears them in its own way, on its own features. What it makes is brought to the
    set's sampling rate and to the recording's length.

    Parameters
    ----------
    peer : Peer
    data : folder of a set with wav.scp; spec.yaml lies in its parent
    out : folder, e.g. exp/NAME/decode/eval
    licence : of the peer's weights; None: as a saved vocoder's card says, else unknown

    Returns
    -------
    summary : dict of n_utterances, n_kept and failed (utterance to reason)

    Raises
    ------
    UserError
        If nothing could be synthesised.
    """
    data, out = Path(data), Path(out)
    spec, recordings = FeatureSpec.load(data.parent / "spec.yaml"), read_table(data / "wav.scp")
    settings = dict(peer=peer.command or str(peer.folder), fs=spec.fs)
    if peer.is_saved:
        settings["vocoder_of_peer"] = digest_of(peer.folder)
        licence = licence or load_card(peer.folder)["licence"]
    outputs = Outputs(out, settings, note="source.yaml", log="utt2seconds")
    make = maker(peer, spec.fs)
    made: List[str] = []
    failed: Dict[str, str] = {}
    n_kept = 0
    for utt, recording in tqdm(recordings.items(), desc=f"{peer.name} {data.name}", unit="utt", disable=None):
        name = f"wav/{quote(utt, safe='')}"
        if outputs.is_made(name, state_of(recording)):
            n_kept += 1
        else:
            with leaving_out(utt, failed):
                write_wav(outputs.path(name), make(utt, *read_sound(recording)), spec.fs)
                outputs.add(name, state_of(recording))
        if utt not in failed:
            made.append(utt)
    if not made:
        utt, reason = next(iter(failed.items()))
        raise UserError(f"{peer.name}: no utterance of {data} could be synthesised ({utt}: {reason})")
    write_table(out / "wav.scp", {utt: str(outputs.path(f"wav/{quote(utt, safe='')}")) for utt in made})
    (out / "rtf.json").write_text(json.dumps({}) + "\n")
    card = dict(trained="elsewhere", licence=licence or "unknown", source=settings["peer"])
    write_whole(out.parent.parent / PEER, yaml.safe_dump(card, sort_keys=False, allow_unicode=True))
    return dict(n_utterances=len(made), n_kept=n_kept, failed=failed)
