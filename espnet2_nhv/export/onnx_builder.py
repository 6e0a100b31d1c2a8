"""Writing ONNX graphs by hand in few words."""

from typing import Dict, List, Sequence, Union

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 18
IR_VERSION = 9


class Builder:
    """Collects nodes and constants; values are known by their names.

    Parameters
    ----------
    prefix : str, of the names it makes up
    """

    def __init__(self, prefix: str):
        self.nodes: List[onnx.NodeProto] = []
        self.constants: Dict[tuple, onnx.TensorProto] = {}
        self._prefix = prefix

    def constant(self, value, dtype=np.int64) -> str:
        """The name of a value that is part of the file."""
        array = np.asarray(value, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"{self._prefix}constant{len(self.constants)}")
        return self.constants[key].name

    def op(self, kind: str, *inputs: str, name: Union[str, Sequence[str], None] = None, **attributes):
        """Add a node; returns the name of its output, or the names, where several are given."""
        one = name is None or isinstance(name, str)
        outputs = [name or f"{self._prefix}{kind}{len(self.nodes)}"] if one else list(name)
        node = helper.make_node(kind, inputs, outputs, name=f"{self._prefix}{kind}{len(self.nodes)}")
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)
        return outputs[0] if one else outputs

    def cast(self, value: str, dtype) -> str:
        """A value in another type."""
        return self.op("Cast", value, to=type_code(dtype))

    def size(self, value: str, axis: int) -> str:
        """Length of an axis, int64 without dimensions."""
        return self.op("Gather", self.op("Shape", value), self.constant(axis))

    def shape(self, *sizes: Union[str, int]) -> str:
        """A shape from names of sizes and numbers."""
        parts = [
            self.constant([size]) if isinstance(size, int) else self.op("Unsqueeze", size, self.constant([0]))
            for size in sizes
        ]
        return self.op("Concat", *parts, axis=0)

    def counting(self, begin: str, size: str) -> str:
        """``begin, begin + 1, ...`` of a size."""
        return self.op("Range", begin, self.op("Add", begin, size), self.constant(1))

    def graph(self, name: str, inputs: list, outputs: list) -> onnx.GraphProto:
        """What has been collected, as a graph."""
        return helper.make_graph(self.nodes, name, inputs, outputs, list(self.constants.values()))


def declare(name: str, dtype, shape: Sequence) -> onnx.ValueInfoProto:
    """An input or output; sizes are numbers, names of what varies, or None."""
    return helper.make_tensor_value_info(name, type_code(dtype), shape)


def type_code(dtype) -> int:
    """ONNX's number of a NumPy type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
