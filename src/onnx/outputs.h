// Which of a network's outputs is explained when nobody says so.
#pragma once

#include <string>

#include "onnx/raw_model.h"
#include "onnx/topology.h"

namespace relprop::onnx_import {

// `wanted`, or where it is empty the output that looks most like class scores: floats before integers, then N×K (also
// N×K×1×1 and N) before shapes that are not known and these before maps and tables, then what a Softmax, LogSoftmax or
// Sigmoid makes, then several numbers an image before one, then the first of the file. Throws MalformedModel where no
// output is made by a node, UnknownNode where `wanted` is none of them.
const std::string& chooseOutput(const RawModel& model, const Topology& topology, const std::string& wanted,
                                const std::string& name);

}  // namespace relprop::onnx_import
