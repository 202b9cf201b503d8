// Damaged copies of the bundled model, all the way: each is refused with an Error or explained, never a crash.
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

class DamagedModels : public testing::Test {
 protected:
  void SetUp() override {
    file_ = fs::path(testing::TempDir()) / ("damaged-" + std::to_string(getpid()) + ".onnx");
    whole_ = readFile(fs::path(RELPROP_EXAMPLES) / "model/shapes.onnx");
  }
  void TearDown() override { fs::remove(file_); }

  // The code of the Error, or nothing when the copy could be explained.
  std::optional<ErrorCode> outcome(const Bytes& bytes) {
    writeFile(file_, bytes);
    try {
      Explainer explainer(Model::load(file_), {.rules = {}, .inputShape = {}, .threads = 1, .pixelRange = {}});
      Shape shape = explainer.inputShape();
      if (elementCount(shape) > 1 << 20) return std::nullopt;  // a damaged size may be large and still be valid
      shape.insert(shape.begin(), 1);
      Tensor input(shape, 0.5f);
      for (std::size_t i = 0; i < input.data.size(); i += 3) input.data[i] = -1.0f;
      explainer.explain(input);
      return std::nullopt;
    } catch (const Error& e) {
      EXPECT_NE(e.code(), ErrorCode::Internal) << e.what();
      EXPECT_FALSE(e.where().empty());
      return e.code();
    }
  }

  fs::path file_;
  Bytes whole_;
};

TEST_F(DamagedModels, TruncatedAtFiftyLengthsIsRefused) {
  std::mt19937 random(7);
  for (int k = 0; k < 50; ++k) {
    const Bytes cut(whole_.begin(), whole_.begin() + static_cast<std::ptrdiff_t>(random() % whole_.size()));
    EXPECT_EQ(outcome(cut), ErrorCode::MalformedModel) << cut.size() << " bytes";
  }
}

TEST_F(DamagedModels, OneByteChangedIsRefusedOrExplained) {
  std::mt19937 random(11);
  int refused = 0;
  for (int k = 0; k < 200; ++k) {
    Bytes copy = whole_;
    // Half of the changes hit the structure (names, shapes, attributes), which lies in front of and between the
    // weights.
    const std::size_t at = k % 2 ? random() % whole_.size() : random() % 6000;
    copy[at] = static_cast<std::uint8_t>(copy[at] ^ (1u << random() % 8));
    refused += outcome(copy).has_value();
  }
  EXPECT_GT(refused, 10);
}

TEST_F(DamagedModels, EmptyFileIsRefused) {
  EXPECT_EQ(outcome({}), ErrorCode::MalformedModel);
}

}  // namespace
}  // namespace relprop
