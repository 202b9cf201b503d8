// The writer of small ONNX models, for this module's tests.
#include "unit/onnx/model_builder.cpp"
