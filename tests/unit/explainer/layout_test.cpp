// Networks that take their channels last give what their twins with channels first give, in their own layout; and what
// lies beside networks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "relprop/explain.h"
#include "relprop/patterns.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "unit/onnx/model_builder.h"

namespace relprop::test {
namespace layout_test {

using relprop::onnx_test::ModelBuilder;
using ::testing::HasSubstr;

constexpr std::int64_t kHeight = 8, kWidth = 6;
const std::vector<std::int64_t> kToFirst{0, 3, 1, 2};

std::vector<float> waves(std::size_t count, float step) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::sin(step * static_cast<float>(i + 1));
  return values;
}

Model loaded(const ModelBuilder& b) {
  const std::vector<std::uint8_t> bytes = b.bytes();
  return Model::fromBytes(std::as_bytes(std::span(bytes)));
}

// Conv, Relu, global pool and Gemm behind the value `x`.
void addNetwork(ModelBuilder& b, const std::string& x) {
  b.weights("w", {4, 3, 3, 3}, waves(108, 0.7f));
  b.weights("fc", {3, 4}, waves(12, 0.9f));
  b.node("Conv", {x, "w"}, {"c"});
  b.node("Relu", {"c"}, {"r"});
  b.node("GlobalAveragePool", {"r"}, {"g"});
  b.node("Flatten", {"g"}, {"f"});
  b.node("Gemm", {"f", "fc"}, {"y"}, {{"transB", 1}});
  b.output("y");
}

Model channelsFirst() {
  ModelBuilder b;
  b.input("x", {-1, 3, kHeight, kWidth});
  addNetwork(b, "x");
  return loaded(b);
}

ModelBuilder kerasBuilder() {
  ModelBuilder b;
  b.input("x", {-1, kHeight, kWidth, 3});
  b.node("Transpose", {"x"}, {"t"}, {{"perm", kToFirst}});
  addNetwork(b, "t");
  return b;
}

Model channelsLast() {
  return loaded(kerasBuilder());
}

ExplainOptions by(const std::string& method) {
  ExplainOptions o;
  o.method = method, o.threads = 1;
  o.targets = {Target::of(1)};
  o.pixelRange = PixelRange{{-1, -1, -1}, {1, 1, 1}};
  return o;
}

Tensor picture() {
  return {{2, 3, kHeight, kWidth}, waves(2 * 3 * kHeight * kWidth, 0.37f)};
}

Tensor toLast(const Tensor& t) {
  return relaid(t, Layout::ChannelsFirst, Layout::ChannelsLast);
}

TEST(ChannelsLast, EveryKindOfMethodGivesTheMapOfItsTwin) {
  for (const std::string method :
       {"gradient", "rap", "deep-taylor", "epsilon-plus-flat", "grad-cam", "score-cam", "ablation-cam",
        "occlusion:fill=black", "rise:samples=9", "lime:samples=9", "xrai:steps=3,scales=1",
        "expected-gradients:samples=3", "kernel-shap:samples=200,segments=4", "smoothgrad:samples=3",
        "integrated-gradients:baseline=mean,steps=4", "deeplift"}) {
    Explainer first(channelsFirst(), by(method)), last(channelsLast(), by(method));
    EXPECT_EQ(last.layout(), Layout::ChannelsLast);
    EXPECT_EQ(last.inputShape(), (Shape{kHeight, kWidth, 3}));
    const std::vector<Explanation> wanted = first.explain(picture()), got = last.explain(toLast(picture()));
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].relevance.shape, toLast(wanted[i].relevance).shape) << method;
      EXPECT_EQ(got[i].relevance.data, toLast(wanted[i].relevance).data) << method;
    }
  }
}

TEST(ChannelsLast, MayBeHandedOverWithChannelsFirst) {
  ExplainOptions o = by("gradient");
  o.channelsFirst = true;
  Explainer last(channelsLast(), o), first(channelsFirst(), by("gradient"));
  EXPECT_EQ(last.inputShape(), (Shape{3, kHeight, kWidth}));
  EXPECT_EQ(last.explain(picture())[0].relevance.data, first.explain(picture())[0].relevance.data);
  EXPECT_EQ(last.forward(picture()).data, first.forward(picture()).data);
}

TEST(ChannelsLast, PatternsAreEstimatedFromItsOwnPictures) {
  PatternEstimator last(channelsLast(), {.threads = 1}), first(channelsFirst(), {.threads = 1});
  last.add(toLast(picture()));
  first.add(picture());
  const Patterns a = last.finish(), b = first.finish();
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  auto other = b.nodes.begin();  // names have the node's place in them, which is another
  for (const auto& [node, pattern] : a.nodes) EXPECT_EQ(pattern.data, (other++)->second.data) << node;
}

TEST(ChannelsLast, OpenSizesAreHeightAndWidthOrAll) {
  ModelBuilder b;
  b.input("x", {-1, -1, -1, 3});
  b.node("Transpose", {"x"}, {"t"}, {{"perm", kToFirst}});
  addNetwork(b, "t");
  const Model model = loaded(b);
  for (const Shape& shape : {Shape{7, 5}, Shape{7, 5, 3}}) {
    ExplainOptions o = by("gradient");
    o.inputShape = shape;
    EXPECT_EQ(Explainer(model, o).inputShape(), (Shape{7, 5, 3}));
  }
}

TEST(Layout, IsRefusedWhereTheGraphContradicts) {
  const Error first = expectError(ErrorCode::InvalidArgument, [] { channelsFirst().layout(Layout::ChannelsLast); });
  EXPECT_THAT(first.expected(), HasSubstr("Conv"));
  const Error last = expectError(ErrorCode::InvalidArgument, [] { channelsLast().layout(Layout::ChannelsFirst); });
  EXPECT_THAT(last.expected(), HasSubstr("Transpose"));
}

TEST(Layout, DecidesWhereOnlyExtentsSpeak) {
  ModelBuilder b;
  b.input("x", {-1, 4, 5, 3});
  b.weights("fc", {2, 60});
  b.node("Flatten", {"x"}, {"f"});
  b.node("Gemm", {"f", "fc"}, {"y"}, {{"transB", 1}});
  b.output("y");
  const Model model = loaded(b);
  EXPECT_EQ(model.layout(), Layout::ChannelsFirst) << "four may be the channels as well";
  EXPECT_EQ(model.layout(Layout::ChannelsLast), Layout::ChannelsLast);
  EXPECT_EQ(model.channels({}, Layout::ChannelsLast), 3);
  EXPECT_EQ(model.channels(), 4);
}

// The range is the input's; the layer sees it subtracted, divided and turned round.
TEST(PixelRangeOfALayer, IsTheSameInsideAsOutside) {
  ModelBuilder b;
  b.input("x", {-1, 3, kHeight, kWidth});
  b.weights("mean", {1, 3, 1, 1}, {0.1f, 0.2f, 0.3f});
  b.weights("std", {1, 3, 1, 1}, {0.5f, 2, 1});
  b.ints("start", {-1}), b.ints("end", {-100}), b.ints("axis", {1}), b.ints("step", {-1});
  b.node("Slice", {"x", "start", "end", "axis", "step"}, {"t"});
  b.node("Sub", {"t", "mean"}, {"u"});
  b.node("Div", {"u", "std"}, {"v"});
  addNetwork(b, "v");
  const float mean[] = {0.1f, 0.2f, 0.3f}, std[] = {0.5f, 2, 1};
  Tensor raw = picture(), normalised(raw.shape);
  PixelRange range{{}, {}};
  for (std::size_t c = 0; c < 3; ++c) {
    range.low.push_back((-1 - mean[c]) / std[c]), range.high.push_back((1 - mean[c]) / std[c]);
    for (std::size_t n = 0; n < 2; ++n)
      for (std::size_t i = 0; i < kHeight * kWidth; ++i)
        normalised.data[(n * 3 + c) * kHeight * kWidth + i] =
            (raw.data[(n * 3 + 2 - c) * kHeight * kWidth + i] - mean[c]) / std[c];
  }
  for (const std::string method : {"deep-taylor", "epsilon-gamma-box"}) {
    ExplainOptions outside = by(method);
    outside.pixelRange = range;
    const Tensor wanted = Explainer(channelsFirst(), outside).explain(normalised)[0].relevance;
    const Tensor got = Explainer(loaded(b), by(method)).explain(raw)[0].relevance;
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t i = 0; i < kHeight * kWidth; ++i)
        EXPECT_NEAR(got.data[(2 - c) * kHeight * kWidth + i], wanted.data[c * kHeight * kWidth + i], 1e-5) << method;
  }
}

TEST(Bytes, AnIntegerInputThatIsCastTakesThePicturesBytes) {
  ModelBuilder b;
  b.input("x", {-1, kHeight, kWidth, 3}).mutable_type()->mutable_tensor_type()->set_elem_type(2);
  b.node("Transpose", {"x"}, {"t"}, {{"perm", kToFirst}});
  b.node("Cast", {"t"}, {"z"}, {{"to", 1}});
  addNetwork(b, "z");
  const Model model = loaded(b);
  EXPECT_TRUE(model.takesBytes());
  const FoundPreprocess found = findPreprocess(model);
  ASSERT_TRUE(found.preprocess);
  EXPECT_EQ(pixelRange(*found.preprocess, 3).high, (std::vector<float>(3, 255)));
  EXPECT_EQ(found.preprocess->notes.size(), 1u);
  const Tensor got = Explainer(model, by("gradient")).explain(toLast(picture()))[0].relevance;
  const Tensor wanted = Explainer(channelsFirst(), by("gradient")).explain(picture())[0].relevance;
  EXPECT_EQ(got.data, toLast(wanted).data);
}

TEST(Bytes, AnIntegerInputThatIsReadAsItIsIsRefused) {
  ModelBuilder b;
  b.input("x", {-1, 3, kHeight, kWidth}).mutable_type()->mutable_tensor_type()->set_elem_type(2);
  addNetwork(b, "x");
  const Error error = expectError(ErrorCode::UnsupportedModel, [&] { loaded(b); });
  EXPECT_THAT(error.got(), HasSubstr("uint8"));
}

// ---- what lies beside a network

Model savedIn(const TemporaryFolder& folder, const std::string& name, ModelBuilder b = kerasBuilder()) {
  return Model::load(folder.write(name, b.bytes()));
}

TEST(SideData, NothingIsFoundWhereNothingIs) {
  const TemporaryFolder folder;
  const Model model = savedIn(folder, "m.onnx");
  EXPECT_FALSE(findPreprocess(model).preprocess);
  EXPECT_TRUE(findLabels(model).names.empty());
}

TEST(SideData, OfHuggingFaceLiesBesideTheModelOrAboveOnnx) {
  for (const std::string name : {"m.onnx", "onnx/model.onnx"}) {
    const TemporaryFolder folder;
    const Model model = savedIn(folder, name);
    folder.write("preprocessor_config.json",
                 std::string(R"({"size": {"height": 8, "width": 6}, "image_mean": [0.5], "image_std": [0.25]})"));
    folder.write("config.json", std::string(R"({"id2label": {"0": "cat", "1": "dog", "2": "cow"}})"));
    const FoundPreprocess found = findPreprocess(model);
    ASSERT_TRUE(found.preprocess) << name;
    EXPECT_THAT(found.from, HasSubstr("preprocessor_config.json"));
    EXPECT_EQ(found.preprocess->std, std::vector<double>{0.25});
    EXPECT_EQ(findLabels(model).names, (std::vector<std::string>{"cat", "dog", "cow"}));
  }
}

TEST(SideData, OfTheModelsOwnNameComesFirst) {
  const TemporaryFolder folder;
  const Model model = savedIn(folder, "m.onnx");
  folder.write("preprocessor_config.json", std::string(R"({"image_mean": [0.5], "image_std": [0.25]})"));
  folder.write("m.preprocess.json", toJson(namedPreprocess("unit")));
  EXPECT_THAT(findPreprocess(model).from, HasSubstr("m.preprocess.json"));
  EXPECT_EQ(findPreprocess(model, "tf").from, "tf") << "and what is given before all";
}

TEST(SideData, OfTimmNamesItsClassesByTheirDescriptions) {
  const TemporaryFolder folder;
  const Model model = savedIn(folder, "m.onnx");
  folder.write("config.json", std::string(R"({"label_names": ["n1", "n2", "n3"], "label_descriptions": {"n1": "tench"},
      "pretrained_cfg": {"input_size": [3, 8, 8], "mean": [0, 0, 0], "std": [1, 1, 1], "crop_pct": 1}})"));
  EXPECT_EQ(findLabels(model).names, (std::vector<std::string>{"tench", "n2", "n3"}));
  EXPECT_EQ(findPreprocess(model).preprocess->crop, (std::array{8, 8}));
}

TEST(SideData, PlaceholdersAreNoNames) {
  const TemporaryFolder folder;
  const Model model = savedIn(folder, "m.onnx");
  folder.write("config.json", std::string(R"({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}})"));
  EXPECT_TRUE(findLabels(model).names.empty());
}

Model ofUltralytics(const std::string& sides) {
  ModelBuilder b = kerasBuilder();
  for (const auto& [key, value] : std::map<std::string, std::string>{
           {"names", R"({0: 'cat', 1: "dog's, {1}", 2: 'a\'b'})"}, {"imgsz", sides}, {"task", "classify"}}) {
    auto* entry = b.model.add_metadata_props();
    entry->set_key(key), entry->set_value(value);
  }
  return loaded(b);
}

TEST(SideData, OfUltralyticsIsInTheMetadata) {
  const Model model = ofUltralytics("[64, 64]");
  EXPECT_EQ(findLabels(model).names, (std::vector<std::string>{"cat", "dog's, {1}", "a'b"}));
  const FoundPreprocess found = findPreprocess(model);
  ASSERT_TRUE(found.preprocess);
  EXPECT_EQ(found.preprocess->size, 64);
  EXPECT_EQ(found.preprocess->crop, (std::array{64, 64}));
  EXPECT_DOUBLE_EQ(found.preprocess->scale, 1.0 / 255);
  EXPECT_EQ(found.preprocess->notes.size(), 1u) << "it is an assumption";
}

// 2^32 + 64 and 64 − 2^32 are 64 in 32 bits.
TEST(SideData, SidesOfUltralyticsAreSizesOfPictures) {
  for (const char* sides : {"[4294967360, 4294967360]", "[-4294967232, -4294967232]", "[0, 0]", "[1e999, 1]"}) {
    const Error error = expectError(ErrorCode::MalformedModel, [&] { findPreprocess(ofUltralytics(sides)); });
    EXPECT_EQ(error.got(), sides);
    EXPECT_EQ(error.expected(), "two equal whole numbers, such as [224, 224]");
  }
  const Error large =
      expectError(ErrorCode::MalformedPreprocess, [] { findPreprocess(ofUltralytics("[16385, 16385]")); });
  EXPECT_EQ(large.got(), "\"resize.size\" is 16385");
}

}  // namespace layout_test
}  // namespace relprop::test
