"""Writing ONNX graphs by hand in few words."""

from typing import Sequence, Union

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 18
IR_VERSION = 9
_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7, np.dtype(bool): 9, np.dtype(np.float64): 11}


class Builder:
    """Collects nodes and constants; values are known by their names.

    Parameters
    ----------
    prefix : str, of the names it makes up
    """

    def __init__(self, prefix: str):
        self.nodes, self.constants = [], []
        self._prefix = prefix

    def constant(self, value, dtype=np.int64) -> str:
        """A value that is part of the file."""
        name = f"{self._prefix}constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, to: Union[str, Sequence[str], None] = None, **attributes):
        """A node; returns the name of its output, or the names where `to` is a list of them."""
        names = [to] if isinstance(to, str) else to or [f"{self._prefix}{kind}{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, inputs, names, f"{self._prefix}{kind}{len(self.nodes)}", **attributes))
        return names[0] if to is None or isinstance(to, str) else names

    def cast(self, value: str, dtype) -> str:
        return self.op("Cast", value, to_type=dtype) if False else self._cast(value, dtype)

    def _cast(self, value: str, dtype) -> str:
        name = f"{self._prefix}Cast{len(self.nodes)}"
        self.nodes.append(helper.make_node("Cast", [value], [name], name, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype))))
        return name

    def size(self, value: str, axis: int) -> str:
        """Length of an axis, int64 of no dimension."""
        return self.op("Gather", self.op("Shape", value), self.constant(axis))

    def shape(self, *sizes: str) -> str:
        """A shape from sizes of no dimension."""
        return self.op("Concat", *(self.op("Unsqueeze", size, self.constant([0])) for size in sizes), axis=0)

    def arange(self, begin: str, end: str) -> str:
        return self.op("Range", begin, end, self.constant(1))

    def graph(self, name: str, inputs: list, outputs: list) -> onnx.GraphProto:
        """What was collected as a graph."""
        return helper.make_graph(self.nodes, name, inputs, outputs, self.constants)


def value(name: str, dtype, shape: Sequence) -> onnx.ValueInfoProto:
    """Declaration of an input or output; sizes are numbers, names or None."""
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
