from setuptools import find_packages, setup

setup(
    name="espnet2_nhv",
    version="0.1.0",
    description="Neural homomorphic vocoders for singing, as a plugin of ESPnet",
    license="Apache-2.0",
    packages=find_packages(include=["espnet2_nhv", "espnet2_nhv.*"]),
    package_data={"espnet2_nhv.report.page": ["index.html.j2", "assets/*"]},
    python_requires=">=3.10,<3.13",
    # Names only: the versions that were tested together are pinned in tools/constraints.txt.
    install_requires=[
        "espnet",
        "jaconv",  # kana and romaji
        "jinja2",
        "kaldiio",
        "librosa",
        "matplotlib",
        "mido",  # F0 and notes out of MIDI files
        "music21",  # MusicXML
        "numpy",
        "onnxruntime",
        "pillow",
        "pyworld",
        "pyyaml",
        "scipy",
        "setuptools",  # pyworld imports pkg_resources
        "six",  # espnet imports it and forgets to ask for it
        "soundfile",
        "soxr",
        "swift-f0",
        "tensorboard",
        "torch",
        "torchaudio",
        "tqdm",
    ],
    extras_require={
        "test": [
            "distillmos",
            "hypothesis",
            "onnx",
            "pesq",
            "pytest",
            "pytest-xdist",
            "ruff",
            "selenium",
            "speechmos",
            "visqol-python",
            "vocos",
        ],
        "metrics": ["visqol-python", "pesq", "distillmos", "speechmos"],  # optional columns of the results
        "export": ["onnx"],  # writing ONNX files
        "fcpe": ["torchfcpe"],  # one more F0 tracker
        "live": ["sounddevice"],  # microphone and loudspeakers
        "vocos": ["vocos"],  # one more vocoder; it brings encodec, which is CC BY-NC 4.0
    },
)
