// Models, pictures, drawings and measuring through the C interface, against the C++ one.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "relprop/image.h"
#include "relprop/store.h"
#include "support/temporary_folder.h"
#include "unit/c/support.h"

namespace relprop::c_test {
namespace {

using ::testing::HasSubstr;

std::string anyPicture() {
  return std::filesystem::directory_iterator(examplesFile("pictures/JPEGImages"))->path().string();
}

relprop_array bytesOf(const std::vector<std::uint8_t>& bytes) {
  return {sizeof(relprop_array), RELPROP_UINT8, 1, {static_cast<std::int64_t>(bytes.size())}, bytes.data()};
}

relprop_array pixelsOf(const Image& image) {
  return {sizeof(relprop_array), RELPROP_UINT8, 3, {image.height, image.width, 3}, image.pixels.data()};
}

ResultHandle prepared(relprop_model* model, const relprop_array& picture, const char* options = nullptr) {
  relprop_result* result = nullptr;
  expectOk(relprop_prepare(model, &picture, options, &result));
  return ResultHandle(result);
}

std::vector<std::uint8_t> uint8Called(relprop_result* result, const char* name) {
  const relprop_array array = arrayCalled(result, 0, name);
  EXPECT_EQ(array.type, RELPROP_UINT8);
  std::int64_t count = 1;
  for (int axis = 0; axis < array.rank; ++axis) count *= array.shape[axis];
  const auto* values = static_cast<const std::uint8_t*>(array.data);
  return {values, values + count};
}

TEST(CModel, SaysWhatItIsAndWhatWasAssumed) {
  const ModelHandle model = loadedModel();
  char* text = nullptr;
  expectOk(relprop_model_describe(model.get(), nullptr, &text));
  const Json json = Json::parse(taken(text));
  EXPECT_EQ(json["input"]["layout"], "nchw");
  EXPECT_EQ(json["input"]["channels"], 3);
  EXPECT_EQ(json["classes"], 10);
  EXPECT_EQ(json["labels"].size(), 10u);
  EXPECT_EQ(json["hash"], test::exampleModel().hash());
  EXPECT_TRUE(json["preprocess"].is_object());
  EXPECT_EQ(json["bagOfWords"], false);
}

TEST(CModel, FromBytesIsTheModelOfTheFile) {
  const std::vector<std::uint8_t> bytes = readFile(examplesFile("model/shapes.onnx"));
  relprop_model* made = nullptr;
  expectOk(relprop_model_from_bytes(bytes.data(), bytes.size(), R"({"name": "mine"})", &made));
  const ModelHandle model(made);
  char* text = nullptr;
  expectOk(relprop_model_describe(made, R"({"labels": ["a","b","c","d","e","f","g","h","i","j"]})", &text));
  const Json json = Json::parse(taken(text));
  EXPECT_EQ(json["path"], "mine");
  EXPECT_EQ(json["hash"], test::exampleModel().hash());
  EXPECT_EQ(json["labels"][9], "j");
  relprop_model* none = nullptr;
  failure(relprop_model_from_bytes("nonsense", 8, nullptr, &none), ErrorCode::MalformedModel);
  failure(relprop_model_from_bytes(bytes.data(), 0, nullptr, &none), ErrorCode::MalformedModel);
}

TEST(CPrepare, IsWhatTheProgramDoes) {
  const ModelHandle model = loadedModel();
  const std::vector<std::uint8_t> file = readFile(anyPicture());
  const Image image = decodeImage(file, "picture");
  const PreparedImage direct = prepareImage(image, *findPreprocess(test::exampleModel()).preprocess, 3, 96, 96);
  const ResultHandle ofFile = prepared(model.get(), bytesOf(file));
  const ResultHandle ofPixels = prepared(model.get(), pixelsOf(image));
  EXPECT_EQ(floatsCalled(ofFile.get(), 0, "input"), direct.input.data);
  EXPECT_EQ(floatsCalled(ofPixels.get(), 0, "input"), direct.input.data);
  EXPECT_EQ(uint8Called(ofFile.get(), "view"), direct.view.pixels);
  const relprop_array input = arrayCalled(ofFile.get(), 0, "input");
  EXPECT_EQ(input.rank, 4);
  EXPECT_EQ(input.shape[1], 3);
}

TEST(CPrepare, RefusesWhatIsNoPicture) {
  const ModelHandle model = loadedModel();
  const std::vector<std::uint8_t> nonsense = {1, 2, 3};
  const Image flat = {0, 0, {}};
  relprop_result* result = nullptr;
  const auto refused = [&](const relprop_array& picture, const char* options, ErrorCode code) {
    return failure(relprop_prepare(model.get(), &picture, options, &result), code);
  };
  EXPECT_STREQ(refused(bytesOf(nonsense), R"({"name": "x.jpg"})", ErrorCode::UnsupportedImage).where, "x.jpg");
  refused(bytesOf({}), nullptr, ErrorCode::MalformedImage);
  refused(pixelsOf(flat), nullptr, ErrorCode::ShapeMismatch);
  const Tensor floats(Shape{96, 96, 3});
  refused(arrayOf(floats), nullptr, ErrorCode::InvalidArgument);
  failure(relprop_prepare(model.get(), nullptr, nullptr, &result), ErrorCode::InvalidArgument);
}

TEST(CRender, IsThePictureOfTheLibrary) {
  const Image photo = {4, 2, std::vector<std::uint8_t>(24, 100)};
  Tensor map(Shape{2, 4});
  map.data = {1, -1, 0.5f, 0, 0, 0.25f, -0.5f, 1};
  const relprop_array array = arrayOf(map), view = pixelsOf(photo);
  relprop_result* made = nullptr;
  expectOk(relprop_render(&array, &view, R"({"view": "overlay", "zoom": 2})", &made));
  const ResultHandle result(made);
  HeatmapOptions options;
  options.view = View::Overlay, options.zoom = 2;
  const Image direct = renderHeatmap(map, photo, options);
  EXPECT_EQ(uint8Called(made, "pixels"), direct.pixels);
  EXPECT_EQ(uint8Called(made, "png"), encodePng(direct));
  relprop_result* none = nullptr;
  failure(relprop_render(&array, nullptr, R"({"view": "overlay"})", &none), ErrorCode::InvalidArgument);
  failure(relprop_render(&array, nullptr, R"({"view": "thermal"})", &none), ErrorCode::InvalidArgument);
  failure(relprop_render(&view, nullptr, nullptr, &none), ErrorCode::InvalidArgument);
}

TEST(CEvaluate, MeasuresIntoAStoreAndGoesOn) {
  const test::TemporaryFolder folder;
  const ModelHandle model = loadedModel();
  const std::string store = (folder.path() / "runs.db").string();
  const Json options = {{"data", "voc:" + examplesFile("pictures")},
                        {"method", {"gradient", "random"}},
                        {"metrics", "pointing-game"},
                        {"store", store},
                        {"limit", 3}};
  struct Seen {
    std::int64_t done = -1, total = -1;
  } seen;
  const auto tell = [](void* user, std::int64_t done, std::int64_t total) {
    *static_cast<Seen*>(user) = {done, total};
    return 0;
  };
  const relprop_call call = {sizeof call, tell, &seen};
  char* text = nullptr;
  expectOk(relprop_evaluate(model.get(), options.dump().c_str(), &call, &text));
  const Json first = Json::parse(taken(text));
  EXPECT_EQ(first["done"], seen.done);
  EXPECT_EQ(seen.done, seen.total);
  EXPECT_GE(seen.done, 3);
  ASSERT_EQ(first["tables"].size(), 1u);
  EXPECT_EQ(first["tables"][0]["rows"].size() % 2, 0u);  // as many of each method

  expectOk(relprop_evaluate(model.get(), options.dump().c_str(), nullptr, &text));
  const Json again = Json::parse(taken(text));
  EXPECT_EQ(again["done"], 0);
  EXPECT_EQ(again["tables"], first["tables"]);
  expectOk(relprop_store_read(store.c_str(), R"({"results": true})", &text));
  const Json read = Json::parse(taken(text));
  EXPECT_EQ(read["tables"], first["tables"]);
  EXPECT_EQ(read["results"].size(), Store::open(store, Store::Access::Read).results().size());
}

TEST(CEvaluate, NothingIsNotTheDefault) {
  const ModelHandle model = loadedModel();
  const std::pair<const char*, Json> all[] = {{"store", ""}, {"method", Json::array()}, {"metrics", Json::array()}};
  for (const auto& [option, value] : all) {
    Json options = {{"data", "voc:" + examplesFile("pictures")}, {"limit", 1}};
    options[option] = value;
    char* text = nullptr;
    const relprop_error error =
        failure(relprop_evaluate(model.get(), options.dump().c_str(), nullptr, &text), ErrorCode::InvalidArgument);
    EXPECT_STREQ(error.where, option);
    EXPECT_EQ(text, nullptr);
  }
}

TEST(CEvaluate, ALimitOfZeroIsAll) {
  const ModelHandle model = loadedModel();
  Json options = {{"data", "voc:" + examplesFile("pictures")}, {"method", "random"}, {"metrics", "sparseness"}};
  std::vector<Json> done;
  for (const Json& limit : {Json(), Json(0)}) {
    options["limit"] = limit;
    char* text = nullptr;
    expectOk(relprop_evaluate(model.get(), options.dump().c_str(), nullptr, &text));
    done.push_back(Json::parse(taken(text))["done"]);
  }
  EXPECT_EQ(done[0], done[1]);
}

TEST(CEvaluate, StopsAndKeepsWhatItHas) {
  const test::TemporaryFolder folder;
  const ModelHandle model = loadedModel();
  const std::string store = (folder.path() / "runs.db").string();
  const Json options = {{"data", "voc:" + examplesFile("pictures")}, {"method", "gradient"}, {"store", store}};
  const auto stop = [](void*, std::int64_t done, std::int64_t) { return static_cast<int>(done >= 2); };
  const relprop_call call = {sizeof call, stop, nullptr};
  char* text = nullptr;
  failure(relprop_evaluate(model.get(), options.dump().c_str(), &call, &text), ErrorCode::Cancelled);
  EXPECT_EQ(text, nullptr);
  EXPECT_GE(Store::open(store, Store::Access::Read).pictures().size(), 2u);
}

TEST(CEvaluate, SaysWhatIsWrong) {
  const ModelHandle model = loadedModel();
  char* text = nullptr;
  const auto refused = [&](const char* options, ErrorCode code) {
    return failure(relprop_evaluate(model.get(), options, nullptr, &text), code);
  };
  EXPECT_STREQ(refused(nullptr, ErrorCode::InvalidArgument).where, "data");
  refused(R"({"data": "nothing"})", ErrorCode::InvalidArgument);
  refused(R"({"data": "voc:/no/such"})", ErrorCode::FileNotFound);
  EXPECT_STREQ(refused(R"({"data": "voc:x", "target": "maybe"})", ErrorCode::InvalidArgument).where, "target");
  failure(relprop_store_read("/no/such.db", nullptr, &text), ErrorCode::FileNotFound);
}

TEST(CLists, AreThoseOfTheLibrary) {
  char* text = nullptr;
  expectOk(relprop_methods(&text));
  EXPECT_EQ(Json::parse(taken(text)).size(), methods().size());
  expectOk(relprop_metrics(&text));
  EXPECT_EQ(Json::parse(taken(text)).size(), metricInfos().size());
  expectOk(relprop_versions(&text));
  EXPECT_EQ(Json::parse(taken(text))["relprop"], relprop_version());
}

}  // namespace
}  // namespace relprop::c_test
