// The ONNX standard's own node tests: every case through importer, passes and forward pass, on both backends. A float
// input is the network's; all others become initialisers. What is refused stands, with the reason, in refused.txt,
// which may only get shorter: RELPROP_WRITE_REFUSALS=FILE writes it anew.
#include <gtest/gtest.h>
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "onnx/importer.h"
#include "passes/passes.h"
#include "relprop/error.h"
#include "support/unpacked.h"
#include "unit/engine/support.h"

namespace relprop::test {
namespace {

namespace fs = std::filesystem;

std::string contentOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

onnx::TensorProto tensorIn(const fs::path& path) {
  onnx::TensorProto tensor;
  if (!tensor.ParseFromString(contentOf(path))) throw std::runtime_error("no tensor: " + path.string());
  return tensor;
}

Array floatsOf(const onnx::TensorProto& tensor) {
  Array array;
  array.shape.assign(tensor.dims().begin(), tensor.dims().end());
  std::vector<float> values(static_cast<std::size_t>(elementCount(array.shape)));
  if (tensor.has_raw_data())
    std::copy_n(tensor.raw_data().data(), values.size() * sizeof(float), reinterpret_cast<char*>(values.data()));
  else
    values.assign(tensor.float_data().begin(), tensor.float_data().end());
  array.data.assign(values.begin(), values.end());
  return array;
}

struct Case {
  std::string name;
  onnx::ModelProto model;
  std::map<std::string, onnx::TensorProto> inputs;
  std::vector<std::pair<std::string, onnx::TensorProto>> outputs;
};

Case caseIn(const fs::path& folder) {
  Case c{folder.filename().string(), {}, {}, {}};
  if (!c.model.ParseFromString(contentOf(folder / "model.onnx"))) throw std::runtime_error("no model");
  const fs::path data = folder / "test_data_set_0";
  for (int i = 0; i < c.model.graph().input_size(); ++i)
    if (fs::path file = data / ("input_" + std::to_string(i) + ".pb"); fs::exists(file))
      c.inputs[c.model.graph().input(i).name()] = tensorIn(file);
  for (int i = 0; i < c.model.graph().output_size(); ++i)
    if (fs::path file = data / ("output_" + std::to_string(i) + ".pb"); fs::exists(file))
      c.outputs.emplace_back(c.model.graph().output(i).name(), tensorIn(file));
  return c;
}

// The model with one input and one output: what else it was given is part of it.
std::string modelOf(const Case& c, const std::string& input, const std::string& output) {
  onnx::ModelProto model = c.model;
  onnx::GraphProto& graph = *model.mutable_graph();
  for (const auto& [name, tensor] : c.inputs) {
    if (name == input) continue;
    onnx::TensorProto& added = *graph.add_initializer();
    added = tensor;
    added.set_name(name);
  }
  graph.clear_output();
  graph.add_output()->set_name(output);
  return model.SerializeAsString();
}

struct Outcome {
  std::string refusal;   // empty: it ran
  double error = 0;      // relative to the largest magnitude
  bool foreign = false;  // the output does not depend on that input
};

// What a mask forbids is the lowest half of the floats here (passes/canonical_arithmetic.cpp).
bool bothForbidden(double got, double wanted) {
  return std::isinf(wanted) && wanted < 0 && got < -1e38;
}

double largestError(const Array& got, const Array& wanted) {
  if (got.data.size() != wanted.data.size()) return INFINITY;
  double largest = 1e-30, worst = 0;
  for (const double v : wanted.data)
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < got.data.size(); ++i) {
    const double g = got.data[i], w = wanted.data[i];
    if (g == w || (std::isnan(g) && std::isnan(w)) || bothForbidden(g, w)) continue;
    worst = std::isfinite(g) && std::isfinite(w) ? std::max(worst, std::abs(g - w) / largest) : INFINITY;
  }
  return worst;
}

Array run(const Graph& imported, const Array& input, Backend& backend) {
  SpecialiseOptions options{.inputShape = input.shape, .disabled = {}};
  try {
    return forwardOf(specialise(imported, options).graph, input, backend);
  } catch (const Error&) {
    options.wholeInput = true;  // a tensor without a batch, or one whose rows are mixed
    return forwardOf(specialise(imported, options).graph, input, backend);
  }
}

Outcome outcomeOf(const Case& c, const std::string& input, std::size_t output, Backend& backend) {
  const std::string bytes = modelOf(c, input, c.outputs[output].first);
  try {
    const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
    const ImportedModel imported = importModelFromBytes({first, bytes.size()}, ".", c.name);
    const Array got = run(imported.graph, floatsOf(c.inputs.at(input)), backend);
    return {"", largestError(got, floatsOf(c.outputs[output].second))};
  } catch (const Error& e) {
    const std::string text = e.what();
    const bool foreign =
        text.find("depends on no input") != std::string::npos || text.find("a constant") != std::string::npos;
    return {text, 0, foreign && text.find("depends on") != std::string::npos};
  }
}

bool isFloat(const onnx::TensorProto& tensor) {
  return tensor.data_type() == onnx::TensorProto::FLOAT && tensor.dims_size() >= 0;
}

std::vector<std::string> floatInputs(const Case& c) {
  std::vector<std::string> names;
  for (const auto& input : c.model.graph().input())
    if (c.inputs.count(input.name()) && isFloat(c.inputs.at(input.name()))) names.push_back(input.name());
  return names;
}

std::set<std::string> linesOf(const fs::path& path) {
  std::set<std::string> keys;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) keys.insert(line.substr(0, line.find('\t')));
  return keys;
}

std::vector<fs::path> casesBelow(const fs::path& root) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.path().filename() == "model.onnx" && fs::exists(entry.path().parent_path() / "test_data_set_0"))
      folders.push_back(entry.path().parent_path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

struct Summary {
  int cases = 0, passed = 0, turns = 0;
  std::set<std::string> refused;
  std::string lines;
};

enum class Turn { Passes, Refused, Foreign };

// "case:output<-input"
Turn runTurn(const Case& c, const std::string& input, std::size_t output, Summary& summary) {
  const std::string key = c.name + ":" + c.outputs[output].first + "<-" + input;
  Turn turn = Turn::Passes;
  for (const auto& backend : bothBackends()) {
    const Outcome outcome = outcomeOf(c, input, output, *backend);
    if (outcome.foreign) return Turn::Foreign;
    if (outcome.refusal.empty()) {
      EXPECT_LE(outcome.error, 1e-3) << key << " on " << backend->name();
      continue;
    }
    turn = Turn::Refused;
    if (summary.refused.insert(key).second)
      summary.lines += key + "\t" + outcome.refusal.substr(0, outcome.refusal.find('\n')) + "\n";
  }
  ++summary.turns;
  return turn;
}

// A case counts as passed when every output does with the first of its inputs that it depends on.
void runCase(const Case& c, Summary& summary) {
  const std::vector<std::string> inputs = floatInputs(c);
  bool passes = true, any = false;
  for (std::size_t output = 0; output < c.outputs.size(); ++output) {
    if (!isFloat(c.outputs[output].second)) continue;
    bool first = true;
    for (const std::string& input : inputs) {
      const Turn turn = runTurn(c, input, output, summary);
      if (turn == Turn::Foreign) continue;
      if (first) passes = passes && turn == Turn::Passes;
      first = false;
      any = true;
    }
  }
  ++summary.cases;
  summary.passed += passes && any;
}

TEST(OnnxConformance, EveryCaseRunsOrIsKnownToBeRefused) {
  RELPROP_NEEDS_SHARED();
  Summary summary;
  const char* only = std::getenv("RELPROP_CASE");
  for (const fs::path& folder : casesBelow(unpacked("conformance/conformance.tar.xz")))
    if (!only || folder.filename() == only) runCase(caseIn(folder), summary);
  if (const char* file = std::getenv("RELPROP_WRITE_REFUSALS")) std::ofstream(file) << summary.lines;
  std::cout << summary.passed << " of " << summary.cases << " cases pass, " << summary.refused.size() << " of "
            << summary.turns << " turns are refused\n";
  const std::set<std::string> known = linesOf(RELPROP_REFUSED);
  for (const std::string& key : summary.refused) EXPECT_TRUE(known.count(key)) << key << " is refused, and was not";
  if (!only) EXPECT_GE(summary.passed, summary.cases * 9 / 10);
}

}  // namespace
}  // namespace relprop::test
