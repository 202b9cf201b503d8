// Functions of the model and composite operators, written out as the nodes that they stand for.
#pragma once

#include <string>

#include "onnx/raw_model.h"

namespace relprop::onnx_import {

// For messages: "function 'domain::name'", with its overload where it has one.
std::string functionTitle(const RawFunction& function);

// Nodes of functions and composites are replaced by their bodies, down to operators that the importer knows or refuses.
// Throws MalformedModel for two functions of one name and overload, for an overload that is none, for more inputs than
// the function or operator has, for references to attributes outside of functions, and for functions that contain one
// another or grow beyond all measure: in nodes, or in the bytes of names and attributes, which may be as many as the
// messages of a file of its size.
void expandFunctions(RawModel& model, std::int64_t opset, const std::string& name);

}  // namespace relprop::onnx_import
