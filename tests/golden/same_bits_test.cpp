// A picture's map is the same to the last bit alone and among others, with one thread and with two, and by a method
// alone and among others.
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <cstring>
#include <tuple>

#include "relprop/explain.h"
#include "support/shared.h"

namespace relprop {
namespace {

constexpr std::int64_t kPictures = 3;

// Pictures that differ from one another; the first ones are the same for every `rows`.
Tensor pictures(std::int64_t rows, const Shape& image) {
  Tensor t({rows, image[0], image[1], image[2]});
  for (std::size_t i = 0; i < t.data.size(); ++i)
    t.data[i] = 2 * std::sin(0.013f * static_cast<float>(i % 100003) + static_cast<float>(i % 11));
  return t;
}

// The maps of the first pictures, one after the other, with so many pictures given at a time.
std::vector<float> maps(const Model& model, const char* method, int batch, int threads, std::int64_t rows) {
  ExplainOptions options;
  options.method = method, options.batch = batch, options.threads = threads;
  options.pixelRange = PixelRange{{-3, -3, -3}, {3, 3, 3}};
  Explainer explainer(model, options);
  const std::vector<Explanation> all = explainer.explain(pictures(rows, explainer.inputShape()));
  std::vector<float> values;
  for (std::size_t k = 0; k < static_cast<std::size_t>(kPictures); ++k)
    values.insert(values.end(), all[k].relevance.data.begin(), all[k].relevance.data.end());
  return values;
}

std::vector<float> bits(const std::vector<Explanation>& all) {
  std::vector<float> values;
  for (const Explanation& e : all) values.insert(values.end(), e.relevance.data.begin(), e.relevance.data.end());
  return values;
}

bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class SameBits : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(SameBits, AloneAndInBatchesWithOneThreadAndTwo) {
  RELPROP_NEEDS_SHARED();
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "bits are those of the program without sanitizers; its kernels run under them on the fixtures";
#endif
  const auto [name, method] = GetParam();
  const Model model = Model::load(test::modelsFolder() / (std::string(name) + ".onnx"));
  const std::vector<float> expected = maps(model, method, 1, 2, kPictures);
  EXPECT_TRUE(sameBits(maps(model, method, 1, 2, kPictures), expected)) << "a second time";
  EXPECT_TRUE(sameBits(maps(model, method, 1, 1, kPictures), expected)) << "one thread";
  EXPECT_TRUE(sameBits(maps(model, method, 3, 2, kPictures), expected)) << "three at a time";
  EXPECT_TRUE(sameBits(maps(model, method, 3, 1, kPictures), expected)) << "three at a time, one thread";
  EXPECT_TRUE(sameBits(maps(model, method, 8, 2, 8), expected)) << "eight at a time";
}

// The methods of the RAP paper's table, and some more that divide by the same sums.
class TogetherBits : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(TogetherBits, OneForwardPassForAllMethods) {
  RELPROP_NEEDS_SHARED();
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "bits are those of the program without sanitizers; its kernels run under them on the fixtures";
#endif
  const auto [name, batch] = GetParam();
  const Model model = Model::load(test::modelsFolder() / (std::string(name) + ".onnx"));
  std::vector<ExplainOptions> options;
  for (const char* method :
       {"rap", "rap-signed", "lrp-alpha1beta0", "lrp-alpha2beta1", "lrp-zplus", "gradient", "input-x-gradient",
        "guided-backprop", "grad-cam", "epsilon-plus-flat", "epsilon-gamma-box", "lrp-gamma"}) {
    options.emplace_back();
    options.back().method = method, options.back().batch = batch, options.back().threads = 2;
    options.back().pixelRange = PixelRange{{-3, -3, -3}, {3, 3, 3}};
  }
  const auto together = Explainer::together(model, options);
  for (std::size_t k = 0; k < options.size(); ++k) {
    ASSERT_TRUE(together[k]) << options[k].method;
    Explainer alone(model, options[k]);
    const Tensor input = pictures(batch, alone.inputShape());
    EXPECT_TRUE(sameBits(bits(together[k]->explain(input)), bits(alone.explain(input)))) << options[k].method;
    EXPECT_EQ(together[k]->sparedSeconds() > 0, k > 0) << options[k].method;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, TogetherBits,
                         testing::Values(std::tuple{"resnet50", 1}, std::tuple{"googlenet", 1},
                                         std::tuple{"googlenet", 3}),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + std::to_string(std::get<1>(info.param));
                         });

std::string nameOf(const testing::TestParamInfo<std::tuple<const char*, const char*>>& info) {
  std::string text = std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
  for (char& c : text) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return text;
}

// The largest by the methods with most sums of their own: what the others need of a network they need of all.
INSTANTIATE_TEST_SUITE_P(Golden, SameBits,
                         testing::Combine(testing::Values("googlenet", "squeezenet1.1", "mobilenet_v2", "tiny_darknet"),
                                          testing::Values("gradient", "lrp-zplus", "epsilon-plus-flat",
                                                          "epsilon-alpha2beta1", "rap")),
                         nameOf);
INSTANTIATE_TEST_SUITE_P(Large, SameBits,
                         testing::Combine(testing::Values("resnet50"), testing::Values("epsilon-alpha2beta1", "rap")),
                         nameOf);

}  // namespace
}  // namespace relprop
