// A network of ten classes over pictures of 3×8×8 and as few nodes as will do, for harnesses that are about something
// else: most of their time goes to it.
#pragma once

#include <map>
#include <string>

#include "relprop/explain.h"

namespace relprop::fuzz {

std::vector<std::uint8_t> smallModelBytes(const std::map<std::string, std::string>& metadata = {});
// Of the same pictures and classes, and made to explain in half the time.
std::vector<std::uint8_t> oneLayerBytes();
// `name` is its path.
Model smallModel(const std::string& name = "small.onnx", const std::map<std::string, std::string>& metadata = {});

}  // namespace relprop::fuzz
