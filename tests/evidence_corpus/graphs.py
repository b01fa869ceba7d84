"""An ONNX file of the model that tells dark images from bright ones."""


def graph(path, outputs=2):
    """Write a model whose score of a class is -(mean - level)^2 without the square of the mean."""
    import onnx
    from onnx import TensorProto, helper

    weights = [
        helper.make_tensor("w", TensorProto.FLOAT, [1, outputs], [15.686, 82.353, 0.0][:outputs]),
        helper.make_tensor("b", TensorProto.FLOAT, [outputs], [-1.230, -33.910, 0.0][:outputs]),
    ]
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"]),
        helper.make_node("Gemm", ["mean", "w", "b"], ["y"]),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", outputs])],
        weights,
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=9), path)
