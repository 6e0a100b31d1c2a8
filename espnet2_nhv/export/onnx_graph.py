"""NHV as ONNX graphs: one step with its state, for streams, and a whole utterance, which repeats the step."""

from typing import List, Tuple

import numpy as np
import onnx
import torch
from onnx import helper

from espnet2_nhv.export.nhv_step import FlatStep, NHVStep
from espnet2_nhv.export.onnx_builder import IR_VERSION, OPSET, Builder, declare
from espnet2_nhv.export.onnx_trace import traced
from espnet2_nhv.feature.knobs import KNOBS, NAMES
from espnet2_nhv.vocoder.nhv.flat_noise import ROW_STEP, SEED_STEP

# Frames at a time: few enough that what is computed of them stays in a core's cache, enough that calls cost little.
BLOCK_FRAMES = 128
_FOREVER = 2**62
PARTS = ("harmonic", "noise")
# Inputs that need not be given.
_OPTIONAL = {
    "mel_f0": np.zeros((1, 0), np.float32),
    "seed": np.zeros((), np.int64),
    "white_noise": np.zeros((1, 0), np.float32),
    **{name: np.zeros((1, 1), np.float32) for name in NAMES},
}


def stream_model(step: NHVStep) -> onnx.ModelProto:
    """One step: ``mel, f0, state`` to ``waveform, harmonic, noise, next state``.

    Optional inputs: `mel_f0` ``(B, n)``, Hz, at which the mel was sung, the knobs, each ``(1 or B, 1 or n)``, `seed` or
    `white_noise` ``(B, n * hop_length)``, and `end`, the number of frames of the utterance.
    """
    b = Builder("io/")
    graph = _step_graph(step)
    states = _state_types(step)
    b.op("Identity", "f0", name="step/f0")
    b.op("Identity", "end", name="step/end")
    n_frames = b.size("mel", 1)
    _add_knobs(b, b.size("mel", 0), b.counting(b.constant(0), n_frames))
    b.op("Identity", "mel", name="step/mel")
    _add_mel_f0(b, "step/mel_f0")
    frame = b.op("Sub", "state_frame", b.constant(step.delay_frames))
    _add_noise(b, b.size("mel", 0), frame, n_frames, step)
    for name, _, _ in states:
        b.op("Identity", name, name=f"step/{name}")
    after = Builder("out/")
    _add_parts(after, *PARTS)
    after.op("Add", *PARTS, name="waveform")
    for name, _, _ in states:
        after.op("Identity", f"step/next_{name}", name=f"next_{name}")
    nodes = [*b.nodes, *graph.node, *after.nodes]
    constants = [*b.constants.values(), *graph.initializer, *after.constants.values()]
    optional = {**_OPTIONAL, "end": np.full((), _FOREVER, np.int64)}
    inputs = [*_feature_inputs(step), *(declare(name, dtype, shape) for name, dtype, shape in states)]
    outputs = [
        *(declare(name, np.float32, ["batch", "n_samples"]) for name in ("waveform", *PARTS)),
        *(declare(f"next_{name}", dtype, shape) for name, dtype, shape in states),
    ]
    return _model("nhv_stream", nodes, inputs, outputs, constants, optional)


def whole_model(step: NHVStep, late: int = 0) -> onnx.ModelProto:
    """A whole utterance, in blocks: ``mel, f0`` to ``waveform, harmonic, noise``, the first the others' sum.

    Optional inputs: `mel_f0` ``(B, T)``, Hz, at which the mel was sung, the knobs, each ``(1 or B, 1 or T)``, `seed` or
    `white_noise` ``(B, N)``, and `phase`, in cycles, of the pulses at the first sample.
    The first frame is centred at sample `late`, which is 0 or, with one frame more held before it, half a hop.
    """
    b = Builder("whole/")
    states = _state_types(step)
    batch, n_given = b.size("mel", 0), b.size("mel", 1)
    n_frames = b.op("Add", n_given, b.constant(1 if late else 0))
    # As many blocks as needed, all of one size, a multiple of the stride.
    n_steps = b.op("Add", n_frames, b.constant(step.delay_frames + 2 + step.stride - 1))
    n_steps = b.op("Div", n_steps, b.constant(step.stride))
    per_block = BLOCK_FRAMES // step.stride
    n_blocks = _ceil_div(b, n_steps, b.constant(per_block))
    block = b.op("Mul", _ceil_div(b, n_steps, n_blocks), b.constant(step.stride), name="whole/block")
    b.op("Identity", batch, name="whole/batch")
    b.op("Identity", n_frames, name="whole/n_frames")
    _add_mel_f0(b, "whole/mel_f0")

    begins = b.op("Mul", b.counting(b.constant(0), n_blocks), block)
    initial = [_initial(b, name, dtype, shape, batch) for name, dtype, shape in states]
    stacked = ["whole/harmonic_blocks", "whole/noise_blocks"]
    b.op(
        "Scan",
        *initial,
        begins,
        name=[*(f"whole/last_{name}" for name, _, _ in states), *stacked],
        body=_body(step, states, late),
        num_scan_inputs=1,
    )
    n_samples = b.op("Mul", n_given, b.constant(step.hop_length))
    begin = b.constant([step.delay_samples + late])
    end = b.op("Add", b.op("Unsqueeze", n_samples, b.constant([0])), begin)
    for blocks, name in zip(stacked, PARTS):
        joined = b.op("Reshape", b.op("Transpose", blocks, perm=[1, 0, 2]), b.shape(batch, -1))
        b.op("Slice", joined, begin, end, b.constant([1]), name=name)
    b.op("Add", *PARTS, name="waveform")
    outputs = [declare(name, np.float32, ["batch", "n_samples"]) for name in ("waveform", *PARTS)]
    optional = {**_OPTIONAL, "phase": np.zeros(1, np.float64)}
    return _model("nhv", b.nodes, _feature_inputs(step), outputs, list(b.constants.values()), optional)


def _body(step: NHVStep, states: List[tuple], late: int) -> onnx.GraphProto:
    """The step on the block that begins at frame `body/begin`; features are read from outside."""
    b = Builder("body/")
    graph = _step_graph(step)
    frames = b.counting("body/begin", "whole/block")
    last = b.op("Sub", "whole/n_frames", b.constant(1))
    frames = b.op("Min", frames, last)  # the last frame held
    if late:  # and the first
        frames = b.op("Max", b.op("Sub", frames, b.constant(1)), b.constant(0))
    b.op("Gather", "f0", frames, axis=1, name="step/f0")
    _add_knobs(b, "whole/batch", frames)
    b.op("Gather", "mel", frames, axis=1, name="step/mel")
    b.op("Gather", "whole/mel_f0", frames, axis=1, name="step/mel_f0")
    b.op("Identity", "whole/n_frames", name="step/end")
    frame = b.op("Sub", "body/begin", b.constant(step.delay_frames))
    _add_noise(b, "whole/batch", frame, "whole/block", step)
    inputs = [*(declare(f"step/{name}", dtype, shape) for name, dtype, shape in states)]
    inputs.append(declare("body/begin", np.int64, []))
    outputs = [declare(f"step/next_{name}", dtype, shape) for name, dtype, shape in states]
    after = Builder("parts/")
    _add_parts(after, "parts/harmonic", "parts/noise")
    outputs += [declare(f"parts/{part}", np.float32, ["batch", None]) for part in PARTS]
    constants = [*b.constants.values(), *graph.initializer, *after.constants.values()]
    return helper.make_graph([*b.nodes, *graph.node, *after.nodes], "block", inputs, outputs, constants)


def _add_mel_f0(b: Builder, name: str) -> None:
    """The input `mel_f0` under another name, or where that is empty `f0`."""
    branches = {}
    for branch, value in (("then", "mel_f0"), ("else", "f0")):
        taken = Builder(f"{name}_{branch}/")
        taken.op("Identity", value, name=f"{name}_{branch}")
        branches[f"{branch}_branch"] = taken.graph(branch, [], [declare(f"{name}_{branch}", np.float32, None)])
    b.op("If", b.op("Greater", b.size("mel_f0", 1), b.constant(0)), name=name, **branches)


def _add_knobs(b: Builder, batch: str, frames: str) -> None:
    """`step/knobs` of some frames, within their ranges, from inputs of one value or of one a frame."""
    turned = []
    for name, (_, _, limits) in KNOBS.items():
        place = b.op("Min", frames, b.op("Sub", b.size(name, 1), b.constant(1)))
        knob = b.op("Clip", b.op("Gather", name, place, axis=1), *(b.constant(x, np.float32) for x in limits))
        turned.append(b.op("Unsqueeze", b.op("Expand", knob, b.shape(batch, 1)), b.constant([2])))
    b.op("Concat", *turned, axis=2, name="step/knobs")


def _add_noise(b: Builder, batch: str, frame: str, n_frames: str, step: NHVStep) -> None:
    """`step/white` of some frames: from the input `white_noise`, zero beyond it, or where that is empty from `seed`."""
    hop_length = b.constant(step.hop_length)
    samples = b.counting(b.op("Mul", frame, hop_length), b.op("Mul", n_frames, hop_length))
    b.op(
        "If",
        b.op("Greater", b.size("white_noise", 1), b.constant(0)),
        name="step/white",
        then_branch=_given_noise(batch, samples),
        else_branch=_seeded_noise(batch, samples, step.vocoder.noise.numpy()),
    )


def _given_noise(batch: str, samples: str) -> onnx.GraphProto:
    given, place = Builder("given/"), samples
    n_given = given.size("white_noise", 1)
    inside = given.op("And", given.op("GreaterOrEqual", place, given.constant(0)), given.op("Less", place, n_given))
    place = given.op("Clip", place, given.constant(0), given.op("Sub", n_given, given.constant(1)))
    noise = given.op("Mul", given.op("Gather", "white_noise", place, axis=1), given.cast(inside, np.float32))
    given.op("Expand", noise, given.shape(batch, 1), name="given/white")
    return given.graph("given", [], [declare("given/white", np.float32, None)])


def _seeded_noise(batch: str, samples: str, noise: np.ndarray) -> onnx.GraphProto:
    """Cut from the noise where :func:`espnet2_nhv.vocoder.nhv.flat_noise.start_of` says, round and round."""
    seeded = Builder("seeded/")
    size = seeded.constant(len(noise))
    rows = seeded.op("Mul", seeded.counting(seeded.constant(0), batch), seeded.constant(ROW_STEP))
    first = seeded.op("Mul", seeded.op("Mod", "seed", size), seeded.constant(SEED_STEP))
    start = seeded.op("Unsqueeze", seeded.op("Mod", seeded.op("Add", first, rows), size), seeded.constant([1]))
    place = seeded.op("Mod", seeded.op("Add", start, samples), size)
    seeded.op("Gather", seeded.constant(noise, np.float32), place, name="seeded/white")
    return seeded.graph("seeded", [], [declare("seeded/white", np.float32, None)])


def _add_parts(b: Builder, harmonic: str, noise: str) -> None:
    """Of the step's parts those given out: `harmonic`, and `noise` so that both add up to no more than full scale.

    What is cut off is taken from the noise, so that the waveform is a plain sum: over a long utterance every further
    operation would take the memory of another waveform.
    """
    # A little less than full scale, lest a rounding of the sum exceed it.
    limits = (b.constant(limit, np.float32) for limit in (-1 + 2.0**-20, 1 - 2.0**-20))
    limited = b.op("Clip", b.op("Add", "step/harmonic", "step/noise"), *limits)
    b.op("Identity", "step/harmonic", name=harmonic)
    b.op("Sub", limited, "step/harmonic", name=noise)


def _initial(b: Builder, name: str, dtype, shape: list, batch: str) -> str:
    """A state of zeros, but for the phase."""
    if name == "state_phase":
        return b.op("Expand", "phase", b.shape(batch))
    if not shape:
        return b.constant(0, dtype)
    zero = helper.make_tensor("zero", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), [1], [0])
    return b.op("ConstantOfShape", b.shape(*(batch if size == "batch" else size for size in shape)), value=zero)


def _ceil_div(b: Builder, x: str, y: str) -> str:
    return b.op("Div", b.op("Sub", b.op("Add", x, y), b.constant(1)), y)


def _feature_inputs(step: NHVStep) -> list:
    n_mels = step.vocoder.spec.n_mels
    return [
        declare("mel", np.float32, ["batch", "n_frames", n_mels]),
        declare("f0", np.float32, ["batch", "n_frames"]),
    ]


def _state_types(step: NHVStep) -> List[Tuple[str, type, list]]:
    """Name, type and shape of each tensor of the state."""
    tensors = step.initial_state(batch=1)
    return [
        (name, tensor.numpy().dtype, ["batch", *tensor.shape[1:]] if tensor.dim() else [])
        for name, tensor in zip(step.state_names(), tensors)
    ]


def _model(name: str, nodes, inputs, outputs, constants, optional: dict) -> onnx.ModelProto:
    varying = ("white_noise", "mel_f0", *NAMES)
    shapes = {key: [f"{key}_batch", f"n_{key}"] for key in varying}
    for key, default in optional.items():
        inputs = [*inputs, declare(key, default.dtype, shapes.get(key, default.shape))]
        constants = [*constants, onnx.numpy_helper.from_array(default, key)]
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="espnet2_nhv")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


def _step_graph(step: NHVStep) -> onnx.GraphProto:
    """The step as traced by PyTorch's exporter; all names begin with ``step/``."""
    batch, n_frames = 1, 8 * step.stride
    state = step.initial_state(batch)
    arguments = {
        "mel": torch.zeros(batch, n_frames, step.vocoder.spec.n_mels),
        **{name: torch.full((batch, n_frames), f0) for name, f0 in (("f0", 220.0), ("mel_f0", 330.0))},
        "knobs": torch.zeros(batch, n_frames, len(NAMES)),
        "white": torch.zeros(batch, n_frames * step.hop_length),
        "end": torch.tensor(_FOREVER),
        **dict(zip(step.state_names(), state)),
    }
    names = step.state_names()
    varying = {name: {0: "batch", 1: "n"} for name in ("mel", "f0", "mel_f0", "knobs")}
    varying["white"] = {0: "batch", 1: "m"}
    varying.update({name: {0: "batch"} for name, tensor in zip(names, state) if tensor.dim()})
    outputs = ["harmonic", "noise", *(f"next_{name}" for name in names)]
    return traced(FlatStep(step).eval(), arguments, outputs, varying, "step/")
