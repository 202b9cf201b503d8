// relprop explain --memory with the bundled network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "program.h"
#include "relprop/image.h"

namespace e2e {
namespace {

using testing::HasSubstr;

class MemoryTest : public testing::Test {
 protected:
  static constexpr std::int64_t kRows = 32;

  Outcome explain(const std::string& out, const Arguments& options) {
    Arguments arguments = {"explain", exampleModel(), tensor(), "--batch",    "8",
                           "--save",  "npy",          "--out",  folder_ / out};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return relprop(arguments);
  }
  nlohmann::json inspected(const Arguments& options) {
    Arguments arguments = {"inspect", exampleModel(), "--batch", std::to_string(kRows), "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return nlohmann::json::parse(relprop(arguments).out);
  }
  // What the program says is the least, such as "45M".
  static std::string leastSize() {
    const std::string text =
        relprop({"inspect", exampleModel(), "--batch", std::to_string(kRows), "--memory", "1M"}).err;
    std::smatch match;
    EXPECT_TRUE(std::regex_search(text, match, std::regex("plan: ([0-9]+) MiB needed at least"))) << text;
    return match.empty() ? "1G" : match[1].str() + "M";
  }
  std::string tensor() const {
    relprop::Tensor input({kRows, 3, 96, 96});
    for (std::size_t i = 0; i < input.data.size(); ++i)
      input.data[i] = std::sin(0.01f * static_cast<float>(i) + static_cast<float>(i % 7));
    relprop::writeFile(folder_ / "input.npy", relprop::encodeNpy(input));
    return folder_ / "input.npy";
  }
  // All files of a folder, in order.
  std::vector<std::string> bytes(const std::string& out) const {
    std::vector<std::string> all;
    for (const std::string& name : namesIn(folder_ / out)) all.push_back(readText(folder_ / (out + "/" + name)));
    return all;
  }

  TemporaryFolder folder_;
};

TEST_F(MemoryTest, LimitsChangeNoMap) {
  Outcome free = explain("free", {});
  ASSERT_EQ(free.code, 0) << free.err;
  const std::string least = leastSize();
  const nlohmann::json whole = inspected({}), tight = inspected({"--memory", least});
  if (__builtin_cpu_supports("avx512f")) {  // by the kernels of AVX2 this network takes no less when parts run again
    EXPECT_LT(tight["arenaBytes"], whole["arenaBytes"]);
    EXPECT_GT(tight["steps"].size(), whole["steps"].size()) << "what runs again is listed";
  }
  for (const std::string& size : {std::string("200M"), least}) {
    Outcome limited = explain(size, {"--memory", size});
    EXPECT_EQ(limited.code, 0) << limited.err;
    EXPECT_EQ(limited.err, free.err);
    EXPECT_EQ(bytes(size), bytes("free")) << size;
  }
  EXPECT_FALSE(bytes("free").empty());
}

TEST_F(MemoryTest, TooLittleIsRefusedWithWhatIsNeeded) {
  Outcome outcome = explain("out", {"--memory", "1M"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err,
              testing::ContainsRegex("plan: [0-9]+ MiB needed at least, [0-9]+ of them for weights \\(expected at most "
                                     "1 MiB\\); allow more with --memory, or use a smaller --batch or input size\n"));
  EXPECT_TRUE(namesIn(folder_ / "out").empty());
}

}  // namespace
}  // namespace e2e
