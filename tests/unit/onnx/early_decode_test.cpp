// Large tensors are decoded before the graph is built; nobody may notice.
#include "onnx/early_decode.h"

#include <cmath>
#include <limits>

#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

constexpr std::int64_t kLarge = 200, kColumns = 300;  // 240 kB of floats

std::vector<float> counting(float step) {
  std::vector<float> values(static_cast<std::size_t>(kLarge * kColumns));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = step * static_cast<float>(i);
  return values;
}

// ((x + "first") · "second") with initialisers in the other order in the file.
ModelBuilder twoTensors(const std::vector<float>& first, const std::vector<float>& second) {
  ModelBuilder builder(13);
  builder.input("x", {kLarge, kColumns});
  builder.weights("second", {kLarge, kColumns}, second);
  builder.weights("first", {kLarge, kColumns}, first);
  builder.node("Add", {"x", "first"}, {"sum"});
  builder.node("Mul", {"sum", "second"}, {"y"});
  builder.output("y");
  return builder;
}

TEST(EarlyDecodeTest, EachTensorGetsItsOwnValues) {
  const Graph graph = import(twoTensors(counting(1), counting(-2)));
  EXPECT_EQ(floatsOf(graph, graph.nodes[0].inputs[1]), counting(1));
  EXPECT_EQ(floatsOf(graph, graph.nodes[1].inputs[1]), counting(-2));
}

TEST(EarlyDecodeTest, TheFirstFailureInTheGraphIsReported) {
  std::vector<float> bad = counting(1);
  bad[41234] = std::nanf("");
  expectImportError(twoTensors(bad, bad), ErrorCode::NonFiniteWeights, {"initialiser 'first'", "NaN at index 41234"});
  expectImportError(twoTensors(counting(1), bad), ErrorCode::NonFiniteWeights, {"initialiser 'second'"});
}

TEST(EarlyDecodeTest, WhatNothingReadsIsNotLookedAt) {
  ModelBuilder builder = twoTensors(counting(1), counting(1));
  std::vector<float> bad = counting(1);
  bad[0] = std::numeric_limits<float>::infinity();
  builder.weights("unused", {kLarge, kColumns}, bad);
  EXPECT_EQ(import(builder).nodes.size(), 2u);
}

TEST(EarlyDecodeTest, InfinityIsAllowedWhereTheReaderAllowsIt) {
  onnx_import::RawTensor view;
  const std::vector<float> values(100000, std::numeric_limits<float>::infinity());
  view.name = "w", view.type = onnx::TensorProto::FLOAT, view.dims = {100000}, view.hasRaw = true;
  view.raw = {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(float)};
  onnx_import::EarlyDecode decode({&view});
  onnx_import::ExternalData none{{}};
  EXPECT_EQ(*decode.take(view, none, "w", onnx_import::Finite::InfinityAllowed).floats, values);
  expectError([&] { decode.take(view, none, "w", onnx_import::Finite::Required); }, ErrorCode::NonFiniteWeights,
              {"initialiser 'w'", "infinity at index 0"});
}

}  // namespace
}  // namespace relprop::onnx_test
