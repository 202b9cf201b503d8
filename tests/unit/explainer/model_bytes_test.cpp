// A model from bytes in memory is the one of the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "explainer/model_impl.h"
#include "graph/print.h"
#include "relprop/explain.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"
#include "unit/onnx/model_builder.h"

namespace relprop::onnx_test {
namespace model_bytes_test {

using Bytes = std::vector<std::uint8_t>;

const std::filesystem::path kShapes =
    std::filesystem::path(__FILE__).parent_path() / ".." / ".." / ".." / "examples/model/shapes.onnx";

std::span<const std::byte> spanOf(const Bytes& bytes) {
  return std::as_bytes(std::span(bytes));
}

std::vector<float> mapOf(const Model& model) {
  ExplainOptions o;
  o.threads = 1;
  Explainer explainer(model, o);
  Shape shape = explainer.inputShape();
  shape.insert(shape.begin(), 1);
  Tensor x(shape);
  for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = std::sin(0.1f * static_cast<float>(i));
  return explainer.explain(x)[0].relevance.data;
}

TEST(FromBytes, IsTheModelOfTheFile) {
  const Model file = Model::load(kShapes);
  Bytes bytes = readFile(kShapes);
  const Model memory = Model::fromBytes(spanOf(bytes), {.name = "shapes in memory"});
  std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xff});
  EXPECT_EQ(memory.hash(), file.hash());
  EXPECT_EQ(memory.path(), "shapes in memory");
  EXPECT_EQ(memory.metadata(), file.metadata());
  EXPECT_EQ(toText(ModelAccess::graph(memory)), toText(ModelAccess::graph(file)));
  EXPECT_EQ(mapOf(memory), mapOf(file)) << "the bytes are gone by now";
}

TEST(FromBytes, RefusesWhatIsNoModel) {
  const Bytes whole = readFile(kShapes);
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - whole.size() / 8}) {
    const Error e = test::failureOf([&] { Model::fromBytes(spanOf(whole).first(length)); });
    EXPECT_EQ(e.code(), ErrorCode::MalformedModel) << length;
    EXPECT_THAT(e.where(), ::testing::StartsWith("model")) << length;
  }
  EXPECT_EQ(test::failureOf([] { Model::fromBytes({}); }).code(), ErrorCode::MalformedModel);
  EXPECT_EQ(test::failureOf([&] { Model::fromBytes(spanOf(whole).first(1), {.name = "the upload"}); }).where(),
            "the upload");
}

TEST(FromBytes, WantsAFolderForWeightsInFiles) {
  const test::TemporaryFolder folder;
  folder.write("weights.bin", Bytes(12));
  ModelBuilder b;
  b.input("x", {1, 3});
  onnx::TensorProto& w = b.weights("w", {3});
  w.clear_float_data(), w.clear_raw_data();
  w.set_data_location(onnx::TensorProto::EXTERNAL);
  auto& location = *w.add_external_data();
  location.set_key("location"), location.set_value("weights.bin");
  b.node("Add", {"x", "w"}, {"y"});
  b.output("y");
  const Bytes bytes = b.bytes();
  const Error e = test::failureOf([&] { Model::fromBytes(spanOf(bytes)); });
  EXPECT_EQ(e.code(), ErrorCode::UnsupportedModel);
  EXPECT_THAT(e.what(), ::testing::HasSubstr("external file 'weights.bin'"));
  EXPECT_THAT(e.hint(), ::testing::HasSubstr("folder"));
  EXPECT_EQ(Model::fromBytes(spanOf(bytes), {.folder = folder.path()}).hash(),
            Model::load(folder.write("m.onnx", bytes)).hash());
}

}  // namespace model_bytes_test
}  // namespace relprop::onnx_test
