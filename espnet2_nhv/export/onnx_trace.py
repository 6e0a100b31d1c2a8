"""PyTorch modules as ONNX graphs."""

import io
import warnings
from typing import Dict, List

import onnx
import torch

from espnet2_nhv.export.onnx_builder import OPSET

# What the exporter lacks, of numbers above 0, or what ONNX Runtime has not vectorised.
_SYMBOLICS = {
    "aten::frac": lambda g, x: g.op("Sub", x, g.op("Floor", x)),
    "aten::tan": lambda g, x: g.op("Div", g.op("Sin", x), g.op("Cos", x)),
}


def traced(
    module: torch.nn.Module,
    arguments: Dict[str, torch.Tensor],
    outputs: List[str],
    varying: Dict[str, Dict[int, str]],
    prefix: str = "",
    opset: int = OPSET,
) -> onnx.GraphProto:
    """A module as PyTorch's exporter traces it.

    Parameters
    ----------
    module : Module
    arguments : dict of an input's name to an example, in order
    outputs : list of str, names of what it returns
    varying : dict of an input's name to its axes of any size and what they are called
    prefix : str, of all names in the graph, inputs and outputs included
    opset : int
    """
    buffer = io.BytesIO()
    for name, symbolic in _SYMBOLICS.items():
        torch.onnx.register_custom_op_symbolic(name, symbolic, opset)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The tracing exporter: it takes seconds where the one on torch.export takes minutes.
            torch.onnx.export(
                module,
                tuple(arguments.values()),
                buffer,
                dynamo=False,
                opset_version=opset,
                input_names=list(arguments),
                output_names=outputs,
                dynamic_axes=varying,
            )
    finally:
        for name in _SYMBOLICS:
            torch.onnx.unregister_custom_op_symbolic(name, opset)
    model = onnx.load_from_string(buffer.getvalue())
    graph = onnx.compose.add_prefix_graph(model.graph, prefix, inplace=True) if prefix else model.graph
    _share_constants(graph)
    return graph


def _share_constants(graph: onnx.GraphProto) -> None:
    """Hold each constant once: the exporter writes it anew for every use, and for each branch."""
    names: Dict[bytes, str] = {}
    renamed: Dict[str, str] = {}

    def share(part: onnx.GraphProto) -> None:
        for node in list(part.node):
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                value, name = node.attribute[0].t, node.output[0]
                content = value.SerializeToString()
                if content not in names:
                    names[content] = name
                    graph.initializer.append(value)
                    graph.initializer[-1].name = name
                renamed[name] = names[content]
                part.node.remove(node)
            else:
                node.input[:] = [renamed.get(name, name) for name in node.input]
                for attribute in node.attribute:
                    if attribute.HasField("g"):
                        share(attribute.g)
        assert not any(output.name in renamed for output in part.output), "a constant is no output"

    share(graph)
