"""The facts that every exported file carries: what it is, of which features, under which licence."""

import json
from pathlib import Path
from typing import List, Union

import espnet2_nhv
from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.spec import FeatureSpec
from espnet2_nhv.vocoder.saved import load_card

# Raised whenever a file of before could not be used, or would be used wrongly, as one of now.
FORMAT = 1
KEY = "espnet2_nhv"


def make_card(folder: Union[str, Path], kind: str, **more) -> dict:
    """The card of a file of some `kind` exported from a saved vocoder."""
    saved = load_card(folder)
    facts = {name: saved.get(name, "not stated") for name in ("vocoder", "licence", "trained_on")}
    if "sources" in saved:
        facts["sources"] = saved["sources"]
    return dict(
        format=FORMAT,
        kind=kind,
        written_by=f"espnet2_nhv {espnet2_nhv.__version__}",
        **facts,
        **more,
        spec=saved["spec"],
    )


def as_text(card: dict) -> str:
    """A card as it is put into files."""
    return json.dumps(card, ensure_ascii=False)


def check_card(text: str, path: Union[str, Path], kinds: tuple) -> dict:
    """A card as found in a file, with `spec` as a FeatureSpec; refuses what this version cannot use."""
    try:
        card = json.loads(text)
        version, kind, spec = card["format"], card["kind"], card["spec"]
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{path}: its description is damaged: export the vocoder again") from None
    if not isinstance(version, int) or version > FORMAT:
        raise UserError(f"{path}: written in format {version}, this version reads up to {FORMAT}: update espnet2_nhv")
    if kind not in kinds:
        raise UserError(f"{path}: an export of kind {kind!r} inside another kind of file: export the vocoder again")
    card["spec"] = FeatureSpec.from_dict(spec, where=str(path))
    return card


def describe(card: dict) -> str:
    """A card for people to read."""
    spec = card["spec"]
    facts = {name: value for name, value in card.items() if name not in ("spec", "sources")}
    facts["features"] = ", ".join(
        f"{name} {value}" for name, value in (spec if isinstance(spec, dict) else spec.to_dict()).items()
    )
    width = max(map(len, facts))
    lines = [f"{name:{width}}  {value}" for name, value in facts.items()]
    return "\n".join(lines + attributions(card))


def attributions(card: dict) -> List[str]:
    """What is to be said of each voice that the weights were trained on, a line each."""
    return [f"{source['name']} ({source['licence']}): {source['attribution']}" for source in card.get("sources", ())]
