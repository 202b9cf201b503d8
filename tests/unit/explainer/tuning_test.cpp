// Tunings from files that anybody may have written, and where they have no part.
#include "explainer/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "kernels/backend.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"
#include "unit/explainer/example.h"

namespace relprop::test {
namespace {

using ::testing::HasSubstr;

class TuningFile : public ::testing::Test {
 protected:
  Tuning read(const std::string& threads, const std::string& batch) {
    std::ofstream(path_) << R"({"processor": "p", "libraries": {}, "layers": {}, "threads": )" << threads
                         << R"(, "batch": )" << batch << "}";
    return readTuning(path_);
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "tuning.json";
};

TEST_F(TuningFile, NumbersAreWholeAndInTheirRange) {
  EXPECT_EQ(read("3", "0").threads, 3);
  EXPECT_EQ(read("1", "4096").batch, 4096);
  const auto refused = [&](const std::string& threads, const std::string& batch) {
    const Error error = failureOf([&] { read(threads, batch); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(error.where(), path_.string());
    return error.got();
  };
  for (const char* threads : {"4294967297", "18446744073709551615", "-1", "0", "1.9", "1e30", "true", "\"2\"", "null"})
    EXPECT_THAT(refused(threads, "1"), HasSubstr("\"threads\"")) << threads;
  for (const char* batch : {"4294967297", "18446744073709551615", "-1", "4097", "1.9", "1e30", "true", "[1]"})
    EXPECT_THAT(refused("1", batch), HasSubstr("\"batch\"")) << batch;
}

TEST_F(TuningFile, KeysAreThereOnce) {
  const Error error = failureOf([&] { read("3", R"(0, "libraries": {"oneDNN": "3"})"); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(error.got(), "key 'libraries' twice");
  EXPECT_EQ(error.expected(), "every key once");
}

// A result that names a tuning was computed by it.
TEST(TuningOfAnExplainer, HasNoPartInPlainLoops) {
  ExplainOptions options = byThreads(1, "gradient");
  options.tuning = std::make_shared<const Tuning>(Tuning{processorName(), 1, backendLibraries(), {}, 0});
  EXPECT_NO_THROW(Explainer(exampleModel(), options));
  options.reference = true;
  const Error error = failureOf([&] { Explainer(exampleModel(), options); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(error.where(), "tuning");
}

}  // namespace
}  // namespace relprop::test
