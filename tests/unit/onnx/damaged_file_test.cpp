// Whatever the bytes, the importer returns a graph or throws Error.
#include <sys/resource.h>

#include <random>

#include "import_helpers.h"

namespace relprop::onnx_test {
namespace {

using Bytes = std::vector<std::uint8_t>;

bool imports(const Bytes& bytes) {
  try {
    importModelFromBytes(bytes, {}, "damaged.onnx");
    return true;
  } catch (const Error& e) {
    EXPECT_NE(e.code(), ErrorCode::Internal) << e.what();
    EXPECT_NE(e.code(), ErrorCode::OutOfMemory) << e.what();
    return false;
  }
}

// Largest resident size of this process so far.
long peakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss >> 10;
}

TEST(DamagedFile, TruncatedAtEveryLength) {
  Bytes whole = oneNode(13, "Clip", {{"min", 0.0f}}).bytes();
  ASSERT_TRUE(imports(whole));
  for (std::size_t length = 0; length < whole.size(); ++length)
    imports(Bytes(whole.begin(), whole.begin() + static_cast<long>(length)));
}

TEST(DamagedFile, TruncatedBeforeTheGraphEndsIsAnError) {
  Bytes whole = smallNetwork(16).bytes();
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    std::size_t length = random() % (whole.size() - 20);
    EXPECT_FALSE(imports(Bytes(whole.begin(), whole.begin() + static_cast<long>(length)))) << length;
  }
}

TEST(DamagedFile, SingleBytesChanged) {
  Bytes whole = smallNetwork(1).bytes();
  long before = peakMegabytes();
  std::mt19937 random(2);
  for (int i = 0; i < 500; ++i) {
    Bytes damaged = whole;
    damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    imports(damaged);
  }
  EXPECT_LT(peakMegabytes() - before, 100);
}

TEST(DamagedFile, ManyBytesChanged) {
  Bytes whole = smallNetwork(1).bytes();
  std::mt19937 random(3);
  for (int i = 0; i < 500; ++i) {
    Bytes damaged = whole;
    for (int k = 0; k < 20; ++k) damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    imports(damaged);
  }
}

TEST(DamagedFile, RandomBytes) {
  std::mt19937 random(4);
  for (int i = 0; i < 500; ++i) {
    Bytes noise(random() % 300);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    imports(noise);
  }
}

TEST(DamagedFile, NestedTooDeep) {
  // Graphs in attributes of nodes of graphs …
  onnx::ModelProto model;
  onnx::GraphProto* graph = model.mutable_graph();
  for (int i = 0; i < 400; ++i) graph = graph->add_node()->add_attribute()->mutable_g();
  std::string text = model.SerializeAsString();
  EXPECT_FALSE(imports(Bytes(text.begin(), text.end())));
}

TEST(DamagedFile, LongChainsDoNotOverflowTheStack) {
  ModelBuilder b;
  b.input("v0", {1, 3});
  for (int i = 0; i < 50000; ++i) b.node("Relu", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  b.output("v50000");
  EXPECT_EQ(import(b).nodes.size(), 50000u);
}

// Whether all readers of a picture of bytes make floats of it is looked for to the end of the chain.
TEST(DamagedFile, LongChainsOfBytesDoNotOverflowTheStack) {
  ModelBuilder b;
  b.input("v0", {1, 3}).mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::UINT8);
  for (int i = 0; i < 50000; ++i) b.node("Identity", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  ModelBuilder read = b;
  b.node("Cast", {"v50000"}, {"y"}, {{"to", 1}});
  b.output("y");
  EXPECT_EQ(import(b).nodes.size(), 50001u);
  read.node("Relu", {"v50000"}, {"y"});
  read.output("y");
  expectImportError(read, ErrorCode::UnsupportedModel, {"input 'v0'", "uint8"});
}

}  // namespace
}  // namespace relprop::onnx_test
