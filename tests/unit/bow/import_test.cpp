#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "bow/file.h"
#include "relprop/bow.h"
#include "relprop/error.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"

namespace relprop::bow::test {

namespace {

namespace fs = std::filesystem;
using relprop::test::failureOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kLinearModel = R"(svm_type c_svc
kernel_type linear
nr_class 2
total_sv 2
rho 0.25
label 7 3
nr_sv 1 1
SV
2 1:0.5 3:0.5
-2 2:1
)";

class BowImporting : public ::testing::Test {
 protected:
  void SetUp() override {
    import_.model = folder_ / "svm.model", import_.vocabulary = folder_ / "words.npy";
    import_.settings.preprocess = BowSettings::warped(64);
    writeFile(import_.model, std::string(kLinearModel));
    writeMatrix("words.npy", 4, 128, 0.1f);
  }
  void writeMatrix(const std::string& name, std::int64_t rows, std::int64_t columns, float last) const {
    Tensor matrix(Shape{rows, columns}, 0.1f);
    for (std::int64_t r = 0; r < rows; ++r) matrix.data[static_cast<std::size_t>(r * columns + r)] = 0.5f;
    matrix.data.back() = last;
    writeFile(folder_ / name, encodeNpy(matrix));
  }
  void expectRefused(const BowImport& import, ErrorCode code, const std::string& what) const {
    const Error error = failureOf([&] { importBow(import, folder_ / "svm.bow"); });
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(what));
    EXPECT_FALSE(fs::exists(folder_ / "svm.bow"));
  }

  relprop::test::TemporaryFolder folder_;
  BowImport import_;
};

TEST_F(BowImporting, ScoresAreThoseOfTheModelOnTheHistogram) {
  importBow(import_, folder_ / "svm.bow");
  const std::shared_ptr<const Bag> bag = readBag(folder_ / "svm.bow");
  EXPECT_THAT(bag->classes, ElementsAre("7", "3"));
  EXPECT_EQ(bag->mapping.nearest, 4);  // there are no more words
  std::vector<float> picture;
  for (int i = 0; i < 3 * 64 * 64; ++i) picture.push_back(static_cast<float>(i * 7919 % 256));
  const Seen seen = look(*bag, picture.data(), 64, 64);
  const std::vector<double>& x = seen.histogram.values;
  const double f = 2 * 0.5 * (x[0] + x[2]) - 2 * x[1] - 0.25;
  EXPECT_NEAR(seen.scores[0], f, 1e-12);
  EXPECT_NEAR(seen.scores[1], -f, 1e-12);
}

TEST_F(BowImporting, PrecomputedModelsNeedTheirHistograms) {
  std::string text = kLinearModel;
  text.replace(text.find("linear"), 6, "precomputed");
  text.replace(text.find("2 1:0.5"), std::string::npos, "2 0:1\n-2 0:3\n");
  writeFile(import_.model, text);
  writeMatrix("train.npy", 3, 4, 0.25f);
  import_.histograms = folder_ / "train.npy";
  import_.kernels = {{"intersection"}};
  import_.classNames = {"cat", "dog"};
  importBow(import_, folder_ / "svm.bow");
  const std::shared_ptr<const Bag> bag = readBag(folder_ / "svm.bow");
  EXPECT_THAT(bag->classes, ElementsAre("cat", "dog"));
  EXPECT_EQ(bag->machine.kernels[0].kind, KernelKind::Intersection);
  EXPECT_EQ(bag->machine.supports(), 2);
  EXPECT_EQ(bag->machine.support(1)[3], 0.25);
  fs::remove(folder_ / "svm.bow");
  BowImport without = import_;
  without.kernels = {};
  expectRefused(without, ErrorCode::InvalidArgument, "kernels");
  expectRefused(without, ErrorCode::InvalidArgument, "give it with --kernel");
  without = import_;
  without.histograms.clear();
  EXPECT_THAT(failureOf([&] { importBow(without, folder_ / "svm.bow"); }).what(), HasSubstr("svm.model"));
  writeMatrix("train.npy", 3, 4, -0.25f);
  expectRefused(import_, ErrorCode::InvalidArgument, "train.npy");
}

TEST_F(BowImporting, ModelsWithAKernelOfTheirOwnTakeNoOther) {
  BowImport wrong = import_;
  wrong.kernels = {{"rbf", 2}};
  expectRefused(wrong, ErrorCode::InvalidArgument, "leave out --kernel");
  writeMatrix("train.npy", 3, 4, 0.25f);
  wrong.histograms = folder_ / "train.npy";
  expectRefused(wrong, ErrorCode::InvalidArgument, "leave out --kernel");
}

TEST_F(BowImporting, WhatDoesNotFitIsNamed) {
  BowImport wrong = import_;
  wrong.settings.colour = "rgb";
  expectRefused(wrong, ErrorCode::ShapeMismatch, "N×384");
  wrong = import_;
  wrong.classNames = {"cat"};
  expectRefused(wrong, ErrorCode::InvalidArgument, "class names");
  wrong = import_;
  wrong.settings.nearest = 0;
  expectRefused(wrong, ErrorCode::InvalidArgument, "nearest: 0 (expected a whole number from 1 to 4)");
  wrong.settings.nearest = 9;
  expectRefused(wrong, ErrorCode::InvalidArgument, "nearest: 9 (expected a whole number from 1 to 4)");
  wrong = import_;
  wrong.scale = 0;
  expectRefused(wrong, ErrorCode::InvalidArgument, "scale");
  wrong = import_;
  wrong.model = folder_ / "none";
  expectRefused(wrong, ErrorCode::FileNotFound, "none");
  wrong.model = import_.vocabulary;
  expectRefused(wrong, ErrorCode::MalformedModel, "words.npy");
  writeMatrix("words.npy", 2, 128, 0.1f);
  expectRefused(import_, ErrorCode::ShapeMismatch, "svm.model");
  writeMatrix("words.npy", 4, 128, std::numeric_limits<float>::quiet_NaN());
  expectRefused(import_, ErrorCode::NonFiniteWeights, "words.npy");
  writeMatrix("words.npy", 4, 128, 1e13f);
  expectRefused(import_, ErrorCode::MalformedModel, "words.npy");
  writeFile(import_.vocabulary, std::string("no array"));
  expectRefused(import_, ErrorCode::MalformedTensor, "words.npy");
}

}  // namespace
}  // namespace relprop::bow::test
