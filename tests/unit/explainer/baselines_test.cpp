// Pictures to compare with, from files: a folder of pictures says what an .npy file of the same inputs does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/temporary_folder.h"
#include "unit/core/failure.h"
#include "unit/explainer/example.h"

namespace relprop::test {
namespace {

constexpr int kInputSide = 96;

Image spotted(std::uint8_t value) {
  Image image{kInputSide, kInputSide, std::vector<std::uint8_t>(3 * kInputSide * kInputSide, value)};
  for (std::size_t i = 0; i < image.pixels.size(); i += 7) image.pixels[i] = static_cast<std::uint8_t>(255 - value);
  return image;
}

// Three pictures and a text in a folder, and the inputs they become.
struct Others {
  TemporaryFolder folder, files;
  Preprocess preprocess = namedPreprocess("unit");
  Tensor inputs{Shape{3, 3, kInputSide, kInputSide}};

  Others() {
    for (const int k : {0, 1, 2}) {
      const Image image = spotted(static_cast<std::uint8_t>(40 + 60 * k));
      folder.write("picture" + std::to_string(k) + (k == 1 ? ".PNG" : ".png"), encodePng(image));
      const Tensor one = prepareImage(image, preprocess, 3, kInputSide, kInputSide).input;
      std::copy(one.data.begin(), one.data.end(),
                inputs.data.begin() + k * static_cast<std::ptrdiff_t>(one.data.size()));
    }
    folder.write("notes.txt", std::string("no picture"));
    files.write("inputs.npy", encodeNpy(inputs));
  }

  ExplainOptions options(const std::filesystem::path& baselines, const std::string& keys = "samples=5") const {
    ExplainOptions o = byThreads(1, "expected-gradients:baselines=" + baselines.string() + "," + keys);
    o.preprocess = preprocess;
    return o;
  }
};

std::vector<float> expectedGradients(const ExplainOptions& options) {
  return Explainer(exampleModel(), options).explain(noisePicture({3, kInputSide, kInputSide}, 3))[0].relevance.data;
}

TEST(Baselines, ComeFromAFolderAsFromAnArray) {
  const Others others;
  for (const char* keys : {"samples=5", "samples=2,rng=3"})
    EXPECT_EQ(expectedGradients(others.options(others.folder.path(), keys)),
              expectedGradients(others.options(others.files / "inputs.npy", keys)));
  EXPECT_NE(expectedGradients(others.options(others.folder.path(), "samples=2,rng=1")),
            expectedGradients(others.options(others.folder.path(), "samples=2,rng=2")));
}

TEST(Baselines, OfOnePictureMayBeAnArrayWithoutABatch) {
  const Others others;
  Tensor one({3, kInputSide, kInputSide});
  std::copy_n(others.inputs.data.begin(), one.data.size(), one.data.begin());
  const auto file = others.files.write("one.npy", encodeNpy(one));
  EXPECT_FALSE(expectedGradients(others.options(file)).empty());
}

TEST(Baselines, SayWhatIsWrongWithThem) {
  const Others others;
  const auto failure = [&](const ExplainOptions& o) { return failureOf([&] { Explainer(exampleModel(), o); }); };
  EXPECT_EQ(failure(others.options(others.folder / "nowhere")).code(), ErrorCode::FileNotFound);
  EXPECT_EQ(failure(others.options(others.folder / "nowhere.npy")).code(), ErrorCode::FileNotFound);
  const TemporaryFolder empty;
  const Error none = failure(others.options(empty.path()));
  EXPECT_EQ(none.code(), ErrorCode::InvalidMethodParameter);
  EXPECT_EQ(none.expected(), "a folder with .jpg, .jpeg, .png or .webp files right inside it");
  ExplainOptions unknown = others.options(others.folder.path());
  unknown.preprocess = {};
  const Error how = failure(unknown);
  EXPECT_EQ(how.code(), ErrorCode::NotSupportedByMethod);
  EXPECT_EQ(how.hint(), "give the preprocessing (--preprocess), or a .npy file of inputs");
  const auto small = others.files.write("small.npy", encodeNpy(Tensor(Shape{2, 3, 4, 4})));
  const Error shape = failure(others.options(small));
  EXPECT_EQ(shape.code(), ErrorCode::ShapeMismatch);
  EXPECT_EQ(shape.got(), "2×3×4×4");
  EXPECT_EQ(shape.expected(), "3×96×96");
  others.folder.write("broken.jpg", std::string("no picture"));
  EXPECT_EQ(failure(others.options(others.folder.path())).code(), ErrorCode::UnsupportedImage);
}

TEST(Baselines, HaveToBeFinite) {
  const TemporaryFolder folder;
  const std::string file = folder / "bad.npy";
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Tensor one({3, kInputSide, kInputSide});
    one.data[5] = bad;
    folder.write("bad.npy", encodeNpy(one));
    for (const char* method : {"guided-ig:baseline=", "integrated-gradients:baseline=", "deeplift:baseline=",
                               "taylor:baseline=", "gradient-shap:baseline=", "expected-gradients:baselines="}) {
      const Error e = failureOf([&] { Explainer(exampleModel(), byThreads(1, method + file)); });
      EXPECT_EQ(e.code(), ErrorCode::NonFiniteInput) << method;
      EXPECT_EQ(e.where(), file) << method;
      EXPECT_EQ(e.got(), std::isnan(bad) ? "nan at element 5" : "inf at element 5") << method;
      EXPECT_EQ(e.expected(), "finite numbers") << method;
    }
  }
}

}  // namespace
}  // namespace relprop::test
