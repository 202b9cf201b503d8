// --precision bf16: the same answer faster where the processor can, a clear refusal where it cannot.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "program.h"

namespace e2e {
namespace {

Arguments explainNarrow(const std::filesystem::path& out) {
  return {"explain", exampleModel().string(), examplePicture().string(), "--precision", "bf16", "--out", out.string()};
}

bool lacksInstructions(const Outcome& o) {
  return o.err.find("neither AVX512-BF16 nor AMX") != std::string::npos;
}

// "PICTURE: CLASS probability (logit …)": the class.
std::string answer(const Outcome& o) {
  const std::size_t colon = o.out.find(": "), end = o.out.find(' ', colon + 2);
  return colon == std::string::npos ? "" : o.out.substr(colon + 2, end - colon - 2);
}

TEST(Precision, NarrowOperandsGiveTheSameAnswer) {
  const TemporaryFolder folder;
  const Outcome narrow = relprop(explainNarrow(folder.path()));
  if (lacksInstructions(narrow)) GTEST_SKIP() << "this processor does not multiply bfloat16";
  ASSERT_EQ(narrow.code, 0) << narrow.err;
  const Outcome wide = relprop(
      {"explain", exampleModel().string(), examplePicture().string(), "--precision", "f32", "--out", folder / "wide"});
  EXPECT_EQ(answer(narrow), answer(wide));
  EXPECT_NE(answer(wide), "");
  const Outcome told = relprop({"inspect", exampleModel().string(), "--precision", "bf16", "--json"});
  EXPECT_NE(told.out.find("\"precision\":\"bf16\""), std::string::npos) << told.out.substr(0, 400);
  EXPECT_EQ(namesIn(folder.path()).size(), 2u) << "a heatmap, and the folder of the other run";
}

// What an older processor would say: oneDNN is told to use no newer instructions.
TEST(Precision, RefusedWhereTheProcessorCannot) {
  const TemporaryFolder folder;
  const Outcome o = relprop(explainNarrow(folder.path()),
                            {.inChild = [] { setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE", 1); }, .whileRunning = {}});
  EXPECT_EQ(o.code, 1);
  EXPECT_EQ(
      o.err,
      "relprop: error: precision bf16: the processor has neither AVX512-BF16 nor AMX (expected one that multiplies "
      "bfloat16 itself); use float32\n");
  EXPECT_TRUE(namesIn(folder.path()).empty());
}

TEST(Precision, OtherNamesAreWrongUsage) {
  const Outcome o = relprop({"explain", exampleModel().string(), examplePicture().string(), "--precision", "fp16"});
  EXPECT_EQ(o.code, 2);
  EXPECT_NE(o.err.find("--precision"), std::string::npos) << o.err;
}

}  // namespace
}  // namespace e2e
