// Collects everything about a model that is not supported, so that one error reports it: the first ten kinds, and how
// many more.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace relprop::onnx_import {

class Refusals {
 public:
  // `what`: e.g. "operator 'Foo'"; `node`: name of the node where it is met.
  void add(const std::string& what, const std::string& node);

  bool any() const { return !kinds_.empty(); }
  // Throws UnsupportedModel, unless nothing was added.
  void throwIfAny(const std::string& file) const;

 private:
  std::string describe(const std::string& what) const;

  std::vector<std::string> kinds_;  // in order of appearance
  std::map<std::string, std::vector<std::string>> nodes_;
};

}  // namespace relprop::onnx_import
