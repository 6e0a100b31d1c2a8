"""Licences: what a text names is found, and the strictest one is the whole's."""

import pytest

from espnet2_nhv.errors import UserError
from espnet2_nhv.feature.licence import Source, load_sources, recognise, strictest


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ('Licence: CC BY 4.0 ("This is licensed under a CC BY 4.0 license", readme.txt).', "CC BY 4.0"),
        ("Licence: CC BY-SA 3.0 (data/README.md)", "CC BY-SA 3.0"),
        (
            "VCTK Corpus 0.92, CC BY 4.0 (https://datashare.ed.ac.uk/handle/10283/3443); no licence of its own",
            "CC BY 4.0",
        ),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC BY-NC-SA 4.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "CC BY-SA 4.0"),
        ("Creative Commons Attribution-NonCommercial-NoDerivatives 3.0", "CC BY-NC-ND 3.0"),
        ("cc-by-4.0", "CC BY 4.0"),
        ("Code: MIT. Voice: CC-BY-SA 4.0, parts CC BY 3.0", "CC BY-SA 4.0"),
        ("the voice is CC BY 4.0 but for non-commercial use only", "non-commercial"),
        ("LICENSE (MIT grant + BSD-3 conditions)", "MIT and BSD"),
        ("Apache License 2.0", "Apache-2.0"),
        ('"Public Domain license" V3.2, CC0-like', "public domain"),
        ("CC0 1.0", "CC0"),
        ("ask me; submitted by Smith, standby", "unknown"),
        ("", "unknown"),
    ],
)
def test_recognise(text, licence):
    assert recognise(text) == licence


@pytest.mark.parametrize(
    ("licences", "whole"),
    [
        (["public domain", "MIT"], "MIT"),
        (["MIT", "CC BY 3.0", "public domain"], "CC BY 3.0"),
        (["CC BY 4.0", "CC BY 3.0"], "CC BY 4.0"),
        (["CC BY 4.0", "CC BY-SA 3.0"], "CC BY-SA 3.0"),
        (["CC BY-SA 3.0", "CC BY-SA 4.0", "MIT and BSD", "CC BY 4.0"], "CC BY-SA 4.0"),
        (["CC BY-SA 4.0", "CC BY-NC 4.0"], "CC BY-NC 4.0"),
        (["CC BY-NC 4.0", "unknown", "MIT"], "CC BY-NC 4.0 and unknown"),
        (["CC BY-SA 4.0", "ask Ann"], "ask Ann"),
        (["MIT", "BSD", "MIT"], "MIT and BSD"),
        (["CC0"], "CC0"),
    ],
)
def test_strictest(licences, whole):
    assert strictest(licences) == whole
    assert sorted(strictest(licences[::-1]).split(" and ")) == sorted(whole.split(" and "))


def test_lists(tmp_path):
    path = tmp_path / "sources.yaml"
    path.write_text("- {name: a, licence: MIT, attribution: by A}\n")
    assert load_sources(path) == [Source("a", "MIT", "by A")]
    with pytest.raises(UserError, match="no.yaml is missing"):
        load_sources(tmp_path / "no.yaml")
    for text in ("{}", "- a", "- {name: a, licence: MIT}", "- {name: a, licence: 1, attribution: x}"):
        path.write_text(text)
        with pytest.raises(UserError, match="sources are a list, each with the texts name, licence and attribution"):
            load_sources(path)
    path.write_text("- {")
    with pytest.raises(UserError, match="not readable as YAML"):
        load_sources(path)
