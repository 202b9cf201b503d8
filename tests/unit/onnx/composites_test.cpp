// Operators that are written as others: what of them is outside the standard.
#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

using Ints = std::vector<std::int64_t>;

void expectUnsupported(const ModelBuilder& b, const std::string& what) {
  expectImportError(b, ErrorCode::UnsupportedModel, {"node 'the_node'", what});
}

TEST(Composites, HaveOrdersOfNormsThatThereAre) {
  for (const int p : {0, 3, -2}) {
    const std::string got = "p " + std::to_string(p);
    expectUnsupported(oneNode(22, "LpNormalization", {{"p", p}}), got + " (expected 1 or 2)");
  }
  EXPECT_NO_THROW(import(oneNode(22, "LpNormalization", {{"p", 1}})));
  for (const int p : {0, -2}) {
    const std::string got = "p " + std::to_string(p) + " (expected at least 1)";
    expectUnsupported(oneNode(22, "GlobalLpPool", {{"p", p}}), got);
    expectUnsupported(oneNode(22, "LpPool", {{"p", p}, {"kernel_shape", Ints{2, 2}}}), got);
  }
  EXPECT_NO_THROW(import(oneNode(22, "GlobalLpPool", {{"p", 3}})));
}

TEST(Composites, HaveGroupsOfAtLeastOne) {
  for (const int groups : {0, -3}) {
    ModelBuilder b = oneNode(21, "GroupNormalization", {{"num_groups", groups}}, {"scale", "bias"});
    b.weights("scale", {3});
    b.weights("bias", {3});
    expectUnsupported(b, "num_groups " + std::to_string(groups) + " (expected at least 1)");
  }
}

TEST(Composites, TurnPairsOfNumbers) {
  for (const int width : {-2, 3})
    expectUnsupported(oneNode(23, "RotaryEmbedding", {{"rotary_embedding_dim", width}}, {"x", "x"}),
                      "rotary_embedding_dim " + std::to_string(width) + " (expected an even number, or 0)");
}

TEST(Composites, HaveNoInputsBeyondTheirOwn) {
  const auto refused = [](const std::string& op, const std::vector<std::string>& further, const std::string& got) {
    expectImportError(oneNode(22, op, {}, further), ErrorCode::MalformedModel,
                      {"node 'the_node' ('" + op + "'): " + got});
  };
  refused("Selu", {"x"}, "has 2 inputs (expected 1 at most)");
  refused("Hardmax", {"", "x"}, "has 3 inputs (expected 1 at most)");
  refused("InstanceNormalization", {"x", "x", "x"}, "has 4 inputs (expected 3 at most)");
  EXPECT_NO_THROW(import(oneNode(22, "Selu", {}, {"", ""}))) << "absent ones are none";
  EXPECT_NO_THROW(import(oneNode(22, "Sum", {}, std::vector<std::string>(20, "x"))));
}

}  // namespace
}  // namespace relprop::onnx_test
