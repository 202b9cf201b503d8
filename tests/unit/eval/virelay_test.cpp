// Projects for ViRelAy: the databases hold what the store keeps and what the network says.
#include "relprop/virelay.h"

#include <gmock/gmock.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "relprop/image.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "unit/eval/hdf5_values.h"

namespace relprop {
namespace {

namespace fs = std::filesystem;
using hdf5_test::valuesOf;
using test::expectError;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int kSide = 96;

const Model& network() {
  static const Model model = Model::load(fs::path(__FILE__).parent_path() / "../../../examples/model/shapes.onnx");
  return model;
}

Preprocess preprocessing() {
  Preprocess result;
  result.resize = Preprocess::Resize::ShorterSide;
  result.size = 100;
  result.crop = {kSide, kSide};
  result.scale = 1 / 255.0;
  result.mean = {0.4, 0.5, 0.6}, result.std = {0.2, 0.25, 0.3};
  result.bgr = true;
  return result;
}

ModelFacts facts(const std::string& key = "net") {
  return {key, "shapes.onnx", network().hash(), toJson(preprocessing()), "3×96×96"};
}

Image view(int seed) {
  Image image{kSide, kSide, std::vector<std::uint8_t>(kSide * kSide * 3)};
  std::uint32_t state = static_cast<std::uint32_t>(seed) + 1;
  for (std::uint8_t& pixel : image.pixels)
    pixel = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return image;
}

Tensor heat(int seed) {
  Tensor map{{kSide, kSide}, std::vector<float>(kSide * kSide)};
  std::iota(map.data.begin(), map.data.end(), static_cast<float>(seed * 1000));
  return map;
}

struct Row {
  std::string picture;
  int seed = 0;
  std::string method = "rap:a=1", target = "true", dataset = "voc:shapes";
  bool kept = true;
  int trueClass = 3, targetClass = 3;
  std::string model = "net";
};

void add(Store& store, const Row& row) {
  PictureFacts picture;
  picture.model = row.model, picture.dataset = row.dataset, picture.picture = row.picture, picture.target = row.target;
  picture.trueClass = row.trueClass, picture.predictedClass = 5, picture.targetClass = row.targetClass;
  if (row.kept) picture.view = encodePng(view(row.seed));
  MapFacts map{row.model, row.dataset, row.picture, row.target, row.method, 0.5, {}};
  if (row.kept) map.map = heat(row.seed);
  store.write({{picture}, {map}, {}});
}

Store storeOf(const std::vector<Row>& rows) {
  Store store = Store::inMemory();
  store.beginRun({"0.1.0", "host", "command", "float32", {}, 0, 1});
  store.put(facts());
  for (const Row& row : rows) add(store, row);
  return store;
}

class Virelay : public testing::Test {
 protected:
  VirelayProject exported(const Store& store, const VirelayOptions& options = {}) const {
    return exportVirelay(store, network(), folder_ / "project", options);
  }
  std::vector<double> values(const std::string& file, const std::string& set) const {
    return valuesOf(folder_ / "project" / file, set).values;
  }
  std::string text(const std::string& file) const {
    std::ifstream stream(folder_ / "project" / file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  Error refused(const Store& store, const VirelayOptions& options = {}) const {
    const Error error = expectError(ErrorCode::InvalidArgument, [&] { exported(store, options); });
    EXPECT_FALSE(fs::exists(folder_ / "project"));
    return error;
  }
  test::TemporaryFolder folder_;
};

TEST_F(Virelay, DatabasesHoldPicturesHeatmapsClassesAndScores) {
  const Store store = storeOf({{.picture = "b", .seed = 2, .trueClass = -1}, {.picture = "a", .seed = 1}});
  const VirelayProject project = exported(store, {.batch = 1, .threads = 1});
  EXPECT_EQ(project.path, folder_ / "project/project.yaml");
  EXPECT_EQ(project.samples, 2u);
  EXPECT_EQ(project.leftOut, 0u);
  EXPECT_EQ(valuesOf(folder_ / "project/input.h5", "data").shape, (Shape{2, 3, kSide, kSide}));
  EXPECT_EQ(valuesOf(folder_ / "project/attribution.h5", "attribution").shape, (Shape{2, 1, kSide, kSide}));
  EXPECT_THAT(values("input.h5", "label"), ElementsAre(3, 5)) << "where the true class is not known: the predicted one";
  EXPECT_THAT(values("attribution.h5", "label"), ElementsAre(3, 3));
  EXPECT_THAT(values("attribution.h5", "index"), ElementsAre(0, 1));
  const std::vector<double> data = values("input.h5", "data"), maps = values("attribution.h5", "attribution");
  for (int k = 0; k < 2; ++k) {  // a, then b: in the order of keys
    const Image image = view(k + 1);
    for (const int at : {0, 1, 95, 96, kSide * kSide - 1}) {
      EXPECT_EQ(maps[static_cast<std::size_t>(k * kSide * kSide + at)], (k + 1) * 1000 + at);
      for (int c = 0; c < 3; ++c)
        EXPECT_FLOAT_EQ(static_cast<float>(data[static_cast<std::size_t>((k * 3 + c) * kSide * kSide + at)] * 255),
                        image.pixels[static_cast<std::size_t>(at * 3 + c)]);
    }
  }
}

// The scores are those of the network on the picture with the store's own normalisation, resized no more.
TEST_F(Virelay, ScoresAreTheNetworks) {
  exported(storeOf({{.picture = "a", .seed = 1}, {.picture = "b", .seed = 2}, {.picture = "c", .seed = 3}}),
           {.batch = 2, .threads = 1});
  Explainer explainer(network(), {.method = "gradient", .threads = 1});
  const std::vector<double> scores = values("attribution.h5", "prediction");
  for (int k = 0; k < 3; ++k) {
    Preprocess plain = preprocessing();
    const PreparedImage whole = prepareImage(view(k + 1), plain, 3, kSide, kSide);  // 96 → 100 → 96: other pixels
    plain.resize = Preprocess::Resize::None, plain.crop = {0, 0};
    const Tensor expected = explainer.forward(prepareImage(view(k + 1), plain, 3, kSide, kSide).input);
    ASSERT_NE(expected.data, explainer.forward(whole.input).data);
    for (std::size_t c = 0; c < 10; ++c)
      EXPECT_NEAR(scores.at(static_cast<std::size_t>(k) * 10 + c), expected.data[c],
                  1e-4 * (1 + std::abs(expected.data[c])));
  }
}

TEST_F(Virelay, TheProjectNamesItsFilesAndClasses) {
  exported(storeOf({{.picture = "a", .method = "rap:x=\"1\"", .target = "predicted", .trueClass = 12}}),
           {.labels = {"circle", "st\xffr"}});
  const std::string project = text("project.yaml");
  for (const char* line : {"  model: \"shapes.onnx\"\n", "    type: \"hdf5\"\n", "    input_width: 96\n",
                           "    attribution_method: \"rap:x=\\\"1\\\"\"\n", "    - \"attribution.h5\"\n",
                           "    attribution_strategy: \"predicted_label\"\n", "    name: \"voc:shapes\"\n"})
    EXPECT_THAT(project, HasSubstr(line));
  const auto labels = nlohmann::json::parse(text("label-map.json"));
  ASSERT_EQ(labels.size(), 13u) << "the data set's highest class has a name too";
  EXPECT_EQ(labels[0], (nlohmann::json{{"index", 0}, {"word_net_id", nullptr}, {"name", "circle"}}));
  EXPECT_EQ(labels[1]["name"], "st\xef\xbf\xbdr");
  EXPECT_EQ(labels[12]["name"], "class 12");
}

TEST_F(Virelay, OfSeveralTheOneThatIsNamed) {
  const Store store = storeOf({{.picture = "a", .seed = 1},
                               {.picture = "a", .seed = 2, .method = "lrp:b=2"},
                               {.picture = "b", .seed = 3, .target = "true:7"},
                               {.picture = "c", .seed = 4, .target = "predicted"},
                               {.picture = "d", .seed = 5, .dataset = "cub:birds"}});
  EXPECT_EQ(refused(store).where(), "--data");
  EXPECT_THAT(refused(store).hint(), HasSubstr("cub:birds, voc:shapes"));
  VirelayOptions options{.dataset = "voc:shapes"};
  EXPECT_EQ(refused(store, options).where(), "--target");
  options.target = "true";
  EXPECT_THAT(refused(store, options).hint(), HasSubstr("lrp:b=2, rap:a=1"));
  options.method = "zap";
  EXPECT_EQ(refused(store, options).got(), "\"zap\"");
  options.method = "rap";
  EXPECT_EQ(exported(store, options).samples, 2u) << "of both classes";
  EXPECT_EQ(values("attribution.h5", "attribution")[0], 1000);
  options.method = "lrp:b=2";
  EXPECT_EQ(exported(store, options).samples, 1u);
  EXPECT_EQ(values("attribution.h5", "attribution")[0], 2000) << "an earlier project is replaced";
}

TEST_F(Virelay, WhatIsNotKeptIsLeftOutAndCounted) {
  const Store store = storeOf({{.picture = "a", .kept = false}, {.picture = "b", .seed = 2}});
  const VirelayProject project = exported(store);
  EXPECT_EQ(project.samples, 1u);
  EXPECT_EQ(project.leftOut, 1u);
  EXPECT_EQ(values("attribution.h5", "attribution")[0], 2000);
}

TEST_F(Virelay, NothingKept) {
  EXPECT_THAT(refused(storeOf({{.picture = "a", .kept = false}})).hint(), HasSubstr("--keep"));
}

TEST_F(Virelay, AnotherNetwork) {
  Store store = storeOf({});
  EXPECT_THAT(refused(store).hint(), HasSubstr("the network that was evaluated")) << "a store without rows";
  ModelFacts other = facts("other");
  other.hash = "xxh3:0";
  store.put(other);
  add(store, {.picture = "a", .model = "other"});
  EXPECT_THAT(refused(store).got(), HasSubstr("a network that nothing in"));
}

TEST_F(Virelay, OneNetworkWithSeveralPreprocessings) {
  Store store = storeOf({{.picture = "a"}});
  store.put(facts("twin"));
  EXPECT_EQ(exported(store).samples, 1u) << "nothing is of the other one";
  add(store, {.picture = "a", .model = "twin"});
  const Error error = expectError(ErrorCode::InvalidArgument, [&] { exported(store); });
  EXPECT_THAT(error.got(), HasSubstr("several preprocessings"));
}

// A store may come from a stranger.
TEST_F(Virelay, SizesThatDoNotFitAreDamage) {
  Store store = Store::inMemory();
  store.beginRun({"0.1.0", "host", "command", "float32", {}, 0, 1});
  ModelFacts small = facts();
  small.inputShape = "3×97×97";
  store.put(small);
  add(store, {.picture = "a"});
  expectError(ErrorCode::StoreUnusable, [&] { exported(store); });

  Store narrow = storeOf({{.picture = "a"}, {.picture = "b", .kept = false}});
  narrow.write({{}, {{"net", "voc:shapes", "b", "true", "other", 0.5, Tensor({2, 3}, std::vector<float>(6))}}, {}});
  PictureFacts picture;
  picture.model = "net", picture.dataset = "voc:shapes", picture.picture = "c", picture.target = "true";
  picture.targetClass = 1, picture.trueClass = 1;
  picture.view = encodePng({2, 1, std::vector<std::uint8_t>(6)});
  narrow.write({{picture}, {{"net", "voc:shapes", "c", "true", "rap:a=1", 0.5, heat(1)}}, {}});
  expectError(ErrorCode::StoreUnusable, [&] { exported(narrow, {.method = "rap"}); });
  EXPECT_FALSE(fs::exists(folder_ / "project")) << "nothing half written";
}

// Nobody can convert a picture that lies in a store.
TEST_F(Virelay, AKeptPictureThatIsNoneIsDamage) {
  const std::vector<std::uint8_t> whole = encodePng(view(1)), half(whole.begin(), whole.begin() + 200);
  for (const std::vector<std::uint8_t>& bytes : {std::vector<std::uint8_t>{'n', 'o', 't', ' ', 'p', 'n', 'g'}, half}) {
    Store store = storeOf({});
    PictureFacts picture;
    picture.model = "net", picture.dataset = "voc:shapes", picture.picture = "odd", picture.target = "true";
    picture.targetClass = picture.trueClass = 1, picture.view = bytes;
    store.write({{picture}, {{"net", "voc:shapes", "odd", "true", "rap:a=1", 0.5, heat(1)}}, {}});
    const Error error = expectError(ErrorCode::StoreUnusable, [&] { exported(store); });
    EXPECT_THAT(error.got(), HasSubstr("damaged: the kept picture of odd"));
    EXPECT_THAT(error.hint(), Not(HasSubstr("convert")));
    EXPECT_FALSE(fs::exists(folder_ / "project"));
  }
}

// The label map has a line for each class.
TEST_F(Virelay, ClassesBeyondAnyDataSetAreDamage) {
  const auto refusal = [&](int trueClass, int targetClass) {
    const Store store = storeOf({{.picture = "a", .trueClass = trueClass, .targetClass = targetClass}});
    const Error error = expectError(ErrorCode::StoreUnusable, [&] { exported(store); });
    EXPECT_FALSE(fs::exists(folder_ / "project"));
    return error.got();
  };
  EXPECT_EQ(refusal(50'000'000, 3), "damaged: class 50000000 of a, beyond 0 to 65535");
  EXPECT_EQ(refusal(3, std::numeric_limits<int>::max()), "damaged: class 2147483647 of a, beyond 0 to 65535");
  EXPECT_EQ(refusal(3, -1), "damaged: class -1 of a, beyond 0 to 65535");
  const Store store = storeOf({{.picture = "a", .trueClass = 65536}});
  EXPECT_EQ(exported(store, {.labels = std::vector<std::string>(65537)}).samples, 1u) << "where labels have so many";
}

TEST_F(Virelay, AWorkingFolderThatIsGoneIsAnError) {
  const Store store = storeOf({{.picture = "a"}});
  const fs::path before = fs::current_path(), gone = folder_ / "gone";
  fs::create_directory(gone);
  fs::current_path(gone);
  fs::remove(gone);
  const Error error = expectError(ErrorCode::FileWriteFailed, [&] { exportVirelay(store, network(), "project"); });
  fs::current_path(before);
  EXPECT_EQ(error.where(), "project");
  EXPECT_EQ(error.got(), "the working folder: No such file or directory");
  EXPECT_EQ(error.hint(), "give an absolute path");
}

TEST_F(Virelay, FailuresLeaveNothingHalfWritten) {
  const Store store = storeOf({{.picture = "a"}});
  expectError(ErrorCode::Cancelled, [&] { exported(store, {.again = [] { return false; }}); });
  EXPECT_FALSE(fs::exists(folder_ / "project"));
  const auto again = [] { return false; };
  expectError(ErrorCode::Cancelled, [&] { exportVirelay(store, network(), folder_ / "a/b", {.again = again}); });
  EXPECT_FALSE(fs::exists(folder_ / "a")) << "the folders around it were new too";
  fs::create_directories(folder_ / "there");
  expectError(ErrorCode::Cancelled, [&] { exportVirelay(store, network(), folder_ / "there", {.again = again}); });
  EXPECT_TRUE(fs::exists(folder_ / "there")) << "whoever made it keeps it";
  folder_.write("file", "");
  expectError(ErrorCode::FileWriteFailed, [&] { exportVirelay(store, network(), folder_ / "file"); });
  expectError(ErrorCode::FileWriteFailed, [&] { exportVirelay(store, network(), folder_ / "file/below"); });
}

}  // namespace
}  // namespace relprop
