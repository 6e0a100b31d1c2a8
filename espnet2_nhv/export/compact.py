"""ONNX files made smaller for a network: matrices that say the same once, and large ones of no weights in 16 bits."""

from typing import Dict, Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper

_LARGE, _PACKED = 4096, 60_000  # numbers, from which on one is shared, and packed
_STEPS = 2**15 - 1
_WEIGHTS = "onnx::"  # in the names of a linear layer's


def compact(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model with the constants of its nodes and graphs each only once, and those that are very large in 16 bits.

    The trained weights, as PyTorch's exporter calls them, stay as they are. ONNX Runtime makes 32 bits of
    the others when it loads the file, so nothing costs more when it runs. Rounding to one part in 2^16 of the largest
    value of a column changes what NHV sings by -85 dB.
    """
    model = onnx.ModelProto.FromString(model.SerializeToString())
    packed: Dict[bytes, str] = {}
    main, nodes = model.graph, []

    def value_of(tensor: onnx.TensorProto) -> str:
        """The name of a tensor's value, which is in the main graph from now on."""
        array = numpy_helper.to_array(tensor)
        key = repr(array.shape).encode() + array.tobytes()
        if key not in packed:
            name = packed[key] = f"compact/value{len(packed)}"
            if array.size < _PACKED:
                main.initializer.append(numpy_helper.from_array(array, name))
                return name
            # Columns are of very different sizes in what makes cepstra.
            scale = np.abs(array).max(axis=-2 if array.ndim > 1 else None, keepdims=True) / np.float32(_STEPS)
            scale[scale == 0] = 1
            steps = np.rint(array / scale).astype(np.int16)
            main.initializer.append(numpy_helper.from_array(steps, f"{name}_steps"))
            main.initializer.append(numpy_helper.from_array(scale, f"{name}_scale"))
            nodes.append(helper.make_node("Cast", [f"{name}_steps"], [f"{name}_cast"], to=onnx.TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [f"{name}_cast", f"{name}_scale"], [name]))
        return packed[key]

    for graph in _graphs(main):
        for node in graph.node:
            if node.op_type == "Constant" and _is_large(node.attribute[0].t):
                name = value_of(node.attribute[0].t)
                node.CopyFrom(helper.make_node("Identity", [name], node.output, name=node.name))
        large = [tensor for tensor in graph.initializer if _is_large(tensor) and _WEIGHTS not in tensor.name]
        taken = [helper.make_node("Identity", [value_of(tensor)], [tensor.name]) for tensor in large]
        names = {tensor.name for tensor in large}
        _replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name not in names])
        _replace(graph.node, [*taken, *graph.node])
    _replace(main.node, [*nodes, *main.node])
    onnx.checker.check_model(model)
    return model


def _is_large(tensor: onnx.TensorProto) -> bool:
    if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < _LARGE:
        return False
    array = numpy_helper.to_array(tensor)
    return bool(np.isfinite(array).all() and array.any())


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and those inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _graphs(attribute.g)


def _replace(field, values: list) -> None:
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(copies)
