#include "onnx/outputs.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "core/names.h"
#include "onnx/failure.h"
#include "onnx/tensor_decode.h"
#include "relprop/error.h"

namespace relprop::onnx_import {
namespace {

using Words = std::set<std::string>;

// What hands on the numbers that it is given.
const Words kHandsOn = {"Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast",
                        "Clip",     "Slice",   "Split",   "Gather",  "Log",     "Exp",       "Transpose"};
const Words kHeads = {"Softmax", "LogSoftmax", "Sigmoid"};
// What makes integers, or no tensor at all.
const Words kNoFloats = {"ArgMax", "ArgMin", "Shape", "Size", "NonZero", "NonMaxSuppression", "ZipMap"};

class Ranking {
 public:
  Ranking(const RawModel& model, const Topology& topology) : model_(model), topology_(topology) {
    for (const auto& [name, input] : topology.inputs)
      if (input->hasShape && !input->shape.empty()) rows_.insert(input->shape[0]);
  }

  // The higher the better, the first number counting most.
  std::array<int, 4> of(const RawInput& output) const {
    return {holdsFloats(output), looksLikeScores(output), endsInHead(output.name), hasSeveral(output)};
  }

 private:
  const RawNode* producerOf(const std::string& value) const {
    const auto found = topology_.producers.find(value);
    return found == topology_.producers.end() ? nullptr : &model_.nodes[static_cast<std::size_t>(found->second)];
  }

  bool holdsFloats(const RawInput& output) const {
    const RawNode* node = producerOf(output.name);
    const bool secondOfTopK = node && node->op == "TopK" && node->outputs.size() > 1 && node->outputs[1] == output.name;
    if (node && (kNoFloats.count(node->op) || secondOfTopK)) return false;
    return output.type == 0 || (output.isTensor && dtypeOf(output.type) == DType::Float);
  }

  // 2 yes, 1 not known, 0 no.
  int looksLikeScores(const RawInput& output) const {
    if (!output.hasShape) return 1;
    const Shape& s = output.shape;
    if (s.empty() || !mayBeRows(s[0])) return 0;
    const auto more = [](std::int64_t extent) { return extent != 1; };
    return s.size() <= 2 || std::count_if(s.begin() + 1, s.end(), more) <= 1 ? 2 : 0;
  }

  // The first extent of the scores is that of the images.
  bool mayBeRows(std::int64_t extent) const { return extent < 0 || rows_.count(extent) || rows_.count(-1); }

  bool endsInHead(const std::string& output) const {
    const RawNode* node = producerOf(output);
    for (std::size_t steps = 0; node && kHandsOn.count(node->op) && steps < model_.nodes.size(); ++steps)
      node = node->inputs.empty() ? nullptr : producerOf(node->inputs[0]);
    return node && kHeads.count(node->op);
  }

  static bool hasSeveral(const RawInput& output) {
    return output.hasShape && std::any_of(output.shape.begin() + (output.shape.empty() ? 0 : 1), output.shape.end(),
                                          [](std::int64_t extent) { return extent != 1; });
  }

  const RawModel& model_;
  const Topology& topology_;
  std::set<std::int64_t> rows_;  // first extents of the inputs
};

std::string namesOf(const std::vector<const RawInput*>& outputs) {
  std::vector<std::string> names;
  for (const RawInput* output : outputs) names.push_back(quote(output->name));
  return listedFirst(names);
}

}  // namespace

const std::string& chooseOutput(const RawModel& model, const Topology& topology, const std::string& wanted,
                                const std::string& name) {
  if (model.outputs.empty()) malformed(name, "the graph has no outputs");
  std::vector<const RawInput*> made;
  for (const RawInput& output : model.outputs)
    if (topology.isKnown(output.name)) made.push_back(&output);
  if (made.empty()) malformed(name, "the output " + quote(model.outputs[0].name) + " is made by no node");
  if (!wanted.empty()) {
    for (const RawInput* output : made)
      if (output->name == wanted) return output->name;
    throw Error(ErrorCode::UnknownNode, name, "no output is called " + quote(wanted), namesOf(made));
  }
  const Ranking ranking(model, topology);
  return (*std::max_element(made.begin(), made.end(),
                            [&](const RawInput* a, const RawInput* b) { return ranking.of(*a) < ranking.of(*b); }))
      ->name;
}

}  // namespace relprop::onnx_import
