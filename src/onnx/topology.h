// Who produces what in the file: checks that the nodes form an acyclic graph, and puts them in order.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "onnx/raw_model.h"

namespace relprop::onnx_import {

struct Topology {
  std::unordered_map<std::string, const RawTensor*> initialisers;
  std::unordered_set<std::string> sparse;                   // sparse initialisers
  std::unordered_map<std::string, const RawInput*> inputs;  // without those that are initialisers
  std::unordered_map<std::string, int> producers;           // node that makes a value
  std::vector<int> order;                                   // all nodes, sorted

  bool isKnown(const std::string& value) const {
    return initialisers.count(value) || sparse.count(value) || inputs.count(value) || producers.count(value);
  }
};

// Throws MalformedModel: a value made twice or not at all, a cycle.
Topology analyse(const RawModel& model);

// By node: is it needed for one of these values?
std::vector<bool> neededFor(const std::vector<std::string>& values, const RawModel& model, const Topology& topology);

// "node 'conv1' (Conv)"
std::string describe(const RawNode& node);

}  // namespace relprop::onnx_import
