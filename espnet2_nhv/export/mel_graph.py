"""The log-mel spectrogram as an ONNX graph, for where there is no PyTorch: frames of samples to frames of features."""

import math

import numpy as np
import onnx
import torch
from onnx import helper

from espnet2_nhv.export.fourier import RealFourierTransform
from espnet2_nhv.export.onnx_builder import IR_VERSION, OPSET, Builder, declare
from espnet2_nhv.feature.mel_scale import mel_filters
from espnet2_nhv.feature.spec import FeatureSpec

# What ESPnet's front-end takes for the least power of a bin and the least amplitude of a band.
_LEAST = 1e-10


def mel_model(spec: FeatureSpec) -> onnx.ModelProto:
    """Graph of :class:`espnet2_nhv.feature.mel.LogMel` on frames that the caller has cut.

    Input `frames` ``(n, win_length)``: each is the samples from ``centre - n_fft // 2 + (n_fft - win_length) // 2`` on,
    where its centre may be any sample. Output `mel` ``(n, n_mels)``, raw log-mel of `spec`.

    Source: ``espnet2.tts.feats_extract.log_mel_fbank.LogMelFbank``, whose values these are.
    """
    size = spec.win_length
    fourier = RealFourierTransform(spec.n_fft, math.gcd(spec.n_fft, size), size, 0)
    n_rows, n_columns, n_spectra = size // fourier.n_columns, fourier.n_columns, len(fourier.bins)
    b = Builder("mel/")

    def values(array) -> str:
        return b.constant(np.asarray(array), np.float32)

    def reshaped(x: str, *sizes: int) -> str:
        return b.op("Reshape", x, b.constant(sizes))

    window = getattr(torch, f"{spec.window}_window")(size).numpy()
    rows = reshaped(b.op("Mul", "frames", values(window)), -1, n_rows, n_columns)
    flat = reshaped(b.op("Transpose", rows, perm=[1, 0, 2]), n_rows, -1)
    parts = [
        reshaped(b.op("MatMul", values(matrix), flat), n_spectra, -1, n_columns)
        for matrix in (fourier.a_to_real, fourier.a_to_imag)
    ]
    # One matrix does for both parts of the spectrum: that of -i times the frames has the imaginary for its real part.
    turned = [parts[1], b.op("Neg", parts[0])]
    real, imag = (b.op("MatMul", b.op("Concat", *x, axis=2), values(fourier.b_to_real)) for x in (parts, turned))
    power = b.op("Add", b.op("Mul", real, real), b.op("Mul", imag, imag))
    amplitude = b.op("Sqrt", b.op("Max", power, values(_LEAST)))
    amplitude = reshaped(b.op("Transpose", amplitude, perm=[1, 0, 2]), -1, n_spectra * n_columns)
    bands = b.op("Max", b.op("MatMul", amplitude, values(_weights(spec, fourier.bins.numpy()))), values(_LEAST))
    mel = b.op("Mul", b.op("Log", bands), values(1 / spec.ln_base))
    b.op("Max", mel, values(spec.log_floor), name="mel")
    graph = helper.make_graph(
        b.nodes,
        "log_mel",
        [declare("frames", np.float32, ["n", size])],
        [declare("mel", np.float32, ["n", spec.n_mels])],
        list(b.constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="espnet2_nhv")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


def _weights(spec: FeatureSpec, bins: np.ndarray) -> np.ndarray:
    """Weights of the bands at the places of a spectrum, ``(places, n_mels)``: each bin, or its mirror image, once."""
    filters = mel_filters(spec.fs, spec.n_fft, spec.n_mels, spec.fmin, spec.fmax, spec.mel_scale)
    weights, done = np.zeros((bins.size, spec.n_mels), np.float32), set()
    for place, number in enumerate(bins.ravel().tolist()):
        number = min(number, spec.n_fft - number)
        if number not in done:
            weights[place] = filters[:, number]
            done.add(number)
    return weights
