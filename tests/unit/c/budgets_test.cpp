// Budgets through the C interface: just under what a file needs is the error, what it needs is read.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <zip.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "core/limits.h"
#include "onnx/wire_budget.h"
#include "relprop/image.h"
#include "support/temporary_folder.h"
#include "unit/c/support.h"

namespace relprop::c_test {
namespace {

using ::testing::HasSubstr;

class CBudgets : public ::testing::Test {
 protected:
  void TearDown() override { expectOk(relprop_set_budgets(nullptr)); }

  static void set(const Json& options) { expectOk(relprop_set_budgets(options.dump().c_str())); }
  static Json inForce() {
    char* text = nullptr;
    expectOk(relprop_budgets(&text));
    return Json::parse(taken(text));
  }
};

TEST_F(CBudgets, AreWhatWasAskedOrUsual) {
  const Json usual = {{"pixels", limits::kImagePixelsOfAnyFile},
                      {"model", limits::kModelPartsBytes},
                      {"archive", limits::kArchiveBytes},
                      {"stream", limits::kStreamBytes}};
  EXPECT_EQ(inForce(), usual);
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  set({{"model", 5}, {"stream", nullptr}, {"pixels", most}});
  EXPECT_EQ(inForce()["model"], 5);
  EXPECT_EQ(inForce()["pixels"], most);
  EXPECT_EQ(inForce()["stream"], usual["stream"]);
  set({{"archive", 7}, {"model", 0}});
  EXPECT_EQ(inForce()["archive"], 7);
  EXPECT_EQ(inForce()["model"], usual["model"]) << "what is not given, or 0, is usual again";
  expectOk(relprop_set_budgets(nullptr));
  EXPECT_EQ(inForce(), usual);
}

TEST_F(CBudgets, WrongOnesAreRefusedAndChangeNothing) {
  set({{"stream", 70'000}});
  const auto refused = [](const char* options) {
    return failure(relprop_set_budgets(options), ErrorCode::InvalidArgument);
  };
  const relprop_error negative = refused(R"({"model": 3, "pixels": -1})");
  EXPECT_STREQ(negative.where, "pixels");
  EXPECT_STREQ(negative.got, "-1");
  EXPECT_STREQ(negative.expected, "a whole number from 0 to 9223372036854775807");
  EXPECT_STREQ(refused(R"({"archive": "1G"})").where, "archive");
  EXPECT_STREQ(refused(R"({"stream": 1.5})").got, "1.5");
  EXPECT_STREQ(refused(R"({"stream": 18446744073709551615})").where, "stream");
  EXPECT_THAT(refused(R"({"pixel": 3})").message, HasSubstr("pixels"));
  refused("[]");
  EXPECT_EQ(inForce()["stream"], 70'000);
  EXPECT_EQ(inForce()["model"], limits::kModelPartsBytes);
}

// A lossless WebP that says its sides and has nothing behind them.
std::vector<std::uint8_t> webpThatSays(unsigned side) {
  std::string file("RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f", 21);
  const unsigned sides = (side - 1) | (side - 1) << 14;
  for (int i = 0; i < 4; ++i) file += static_cast<char>(sides >> 8 * i);
  file.resize(34);
  return {file.begin(), file.end()};
}

TEST_F(CBudgets, OfAPictureAtTheEdge) {
  constexpr std::int64_t side = 6000;
  const std::vector<std::uint8_t> file = webpThatSays(side);
  const std::int64_t needed = side * side - 1100 * static_cast<std::int64_t>(file.size());
  const relprop_array picture = {sizeof picture, RELPROP_UINT8, 1, {std::ssize(file)}, file.data()};
  const ModelHandle model = loadedModel();
  relprop_result* result = nullptr;
  const auto refused = [&](ErrorCode code) {
    return failure(relprop_prepare(model.get(), &picture, nullptr, &result), code);
  };
  set({{"pixels", needed - 1}});
  const relprop_error error = refused(ErrorCode::UnsupportedImage);
  EXPECT_STREQ(error.got, "6000×6000 pixels in 34 bytes");
  EXPECT_STREQ(error.expected, "at most 35999999 pixels in a file of this size");
  EXPECT_THAT(error.hint, HasSubstr("set_budgets: pixels=N"));
  set({{"pixels", needed}});
  refused(ErrorCode::MalformedImage);  // it is believed, and cut short
}

// A graph of empty nodes.
TEST_F(CBudgets, OfAModelAtTheEdge) {
  std::string text("\x3a\x78", 2);
  for (int i = 0; i < 60; ++i) text += std::string("\x0a\x00", 2);
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  const auto needed = static_cast<std::int64_t>(onnx_import::parsedOverhead(bytes) - 16 * bytes.size());
  ASSERT_GT(needed, 1);
  relprop_model* model = nullptr;
  const auto load = [&] {
    EXPECT_NE(relprop_model_from_bytes(bytes.data(), bytes.size(), nullptr, &model), 0);
    return std::string(lastError().message);
  };
  set({{"model", needed - 1}});
  EXPECT_THAT(load(), AllOf(HasSubstr("tiny parts"), HasSubstr("set_budgets: model=SIZE")));
  set({{"model", needed}});
  EXPECT_THAT(load(), Not(HasSubstr("tiny parts"))) << "it is read, and wrong in another way";
}

// An entry of deflated zeros.
void writeArchive(const std::string& path, const std::vector<std::uint8_t>& entry) {
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  ASSERT_NE(archive, nullptr);
  zip_file_add(archive, "a.npy", zip_source_buffer(archive, entry.data(), entry.size(), 0), 0);
  ASSERT_EQ(zip_close(archive), 0);
}

// Patterns of no network.
TEST_F(CBudgets, OfAnArchiveAtTheEdge) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "p.npz").string();
  writeArchive(path, encodeNpy(Tensor(Shape{60'000})));
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
  const std::int64_t unpacked = 128 + 4 * 60'000;
  const ModelHandle model = loadedModel();
  const std::string options = Json{{"method", "pattern-attribution"}, {"patterns", path}}.dump();
  relprop_explainer* explainer = nullptr;
  const auto create = [&] {
    EXPECT_NE(relprop_explainer_create(model.get(), options.c_str(), &explainer), 0);
    return std::string(lastError().message);
  };
  ASSERT_GT(unpacked - 16 * bytes, 1);
  set({{"archive", unpacked - 16 * bytes - 1}});
  EXPECT_THAT(create(), AllOf(HasSubstr("240128 bytes, unpacked"), HasSubstr("set_budgets: archive=SIZE")));
  set({{"archive", unpacked - 16 * bytes}});
  EXPECT_THAT(create(), Not(HasSubstr("unpacked")));
}

// Class names from a pipe.
TEST_F(CBudgets, OfAStreamAtTheEdge) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "names").string();
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const std::string names(70'000, 'a');
  const ModelHandle model = loadedModel();
  const std::string options = Json{{"labels", path}}.dump();
  const auto described = [&] {
    std::thread writer([&] { std::ofstream(path) << names; });
    char* text = nullptr;
    EXPECT_NE(relprop_model_describe(model.get(), options.c_str(), &text), 0) << "one name, not ten";
    writer.join();
    return lastError();
  };
  set({{"stream", 69'999}});
  const relprop_error error = described();
  EXPECT_STREQ(error.got, "a stream of more than 69999 bytes");
  EXPECT_STREQ(error.hint, "give a file, or allow more of a stream (set_budgets: stream=SIZE)");
  set({{"stream", 70'000}});
  EXPECT_STREQ(described().name, "InvalidArgument");
}

}  // namespace
}  // namespace relprop::c_test
