// Reads an ONNX file into a Graph.
//
// What comes out is normalised to one modern form, whatever opset (7 to 22) the file was written in:
//   - everything that moved from attributes to inputs over the years is an input: Clip(x, min?, max?),
//     Slice(x, starts, ends, axes?, steps?), Pad(x, pads, value?, axes?), Squeeze / Unsqueeze / ReduceMean(x, axes?),
//     Split(x, split?), Resize(x, -, scales?, sizes?); absent inputs are kNoValue, trailing ones are left out;
//   - Upsample is Resize; Constant nodes are constants; Dropout has one input and one output;
//   - Softmax and LogSoftmax of opset < 13 have flatten=1 (they flatten to 2-D at `axis`); `axis` is always set;
//   - the graph's output is the one that is asked for; nodes that only other outputs depend on come behind those that
//   it
//     depends on, as far as they are supported; all in topological order; outputs nobody reads are dropped;
//   - element types of inputs are checked, so that e.g. the weights of a Conv are floats.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace relprop {

struct ImportOptions {
  std::string output = {};                     // empty: the one that looks most like class scores
  std::map<std::string, Constant> feeds = {};  // values of inputs, which then are constants
};

struct ImportedModel {
  Graph graph;
  std::string hash;  // "xxh3:" and 16 hex digits, over the file and then every external data file it uses
  std::vector<std::string> outputs;  // of the file, in its order
  std::string output;                // the one that is the graph's
  Shape outputShape;                 // as the file declares it, -1 where it is open; empty where it says nothing
  std::string inputType = {};        // of the elements of the one that is explained, as ONNX calls it
  std::vector<std::string> weightFiles = {};  // external data files it uses
};

// Throws MalformedModel, UnsupportedModel, NonFiniteWeights; UnknownNode for an output or input that there is not,
// ShapeMismatch and InvalidArgument for a value that does not fit its input.
ImportedModel importModel(const std::filesystem::path& path, const ImportOptions& options = {});

// `folder` is where external data is looked for; a model with external data is refused when it is empty.
// `name` stands for the file in messages. Nothing refers to the bytes afterwards.
ImportedModel importModelFromBytes(std::span<const std::uint8_t> bytes, const std::filesystem::path& folder,
                                   const std::string& name, const ImportOptions& options = {});

}  // namespace relprop
