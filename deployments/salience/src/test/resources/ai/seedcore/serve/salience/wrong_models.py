"""Writes the small valid and invalid models for OnnxModelTest: python wrong_models.py DIRECTORY"""
import sys
import onnx
from onnx import helper, TensorProto as T
out=sys.argv[1]
def save(name, inputs, outputs, nodes, inits=()):
    g=helper.make_graph(nodes,name,inputs,outputs,list(inits))
    m=helper.make_model(g,opset_imports=[helper.make_opsetid("",13)]); m.ir_version=8
    onnx.save(m,f"{out}/{name}.onnx")
v=helper.make_tensor_value_info
save("five-inputs",[v("x",T.FLOAT,[None,5])],[v("y",T.FLOAT,[None,1])],[helper.make_node("ReduceMean",["x"],["y"],axes=[1],keepdims=1)])
save("classifier",[v("x",T.FLOAT,[None,12])],[v("y",T.INT64,[None])],[helper.make_node("ArgMax",["x"],["y"],axis=1,keepdims=0)])
save("two-outputs",[v("x",T.FLOAT,[None,12])],[v("y",T.FLOAT,[None,12]),v("z",T.FLOAT,[None,12])],[helper.make_node("Identity",["x"],["y"]),helper.make_node("Identity",["x"],["z"])])
save("twelve-answers",[v("x",T.FLOAT,[None,12])],[v("y",T.FLOAT,[None,12])],[helper.make_node("Identity",["x"],["y"])])
save("mean-double",[v("x",T.DOUBLE,[None,12])],[v("y",T.DOUBLE,[None])],[helper.make_node("ReduceMean",["x"],["y"],axes=[1],keepdims=0)])
save("one-by-one",[v("x",T.FLOAT,[1,12])],[v("y",T.FLOAT,[1,1])],[helper.make_node("ReduceSum",["x","a"],["y"],keepdims=1)],[helper.make_tensor("a",T.INT64,[1],[1])])
save("not-a-number",[v("x",T.FLOAT,[None,12])],[v("y",T.FLOAT,[None,1])],[helper.make_node("ReduceMean",["x"],["m"],axes=[1],keepdims=1),helper.make_node("Sub",["m","m"],["o"]),helper.make_node("Div",["o","o"],["y"])])
