// What relprop_evaluate refuses before it measures anything.
#include <gmock/gmock.h>

#include "unit/c/support.h"

namespace relprop::c_test {
namespace {

using ::testing::HasSubstr;

std::int32_t evaluated(const Json& more) {
  const ModelHandle model = loadedModel();
  Json options = {{"data", "voc:" + examplesFile("pictures")}, {"metrics", {"sparseness"}}, {"limit", 1}};
  options.update(more);
  char* text = nullptr;
  const std::int32_t code = relprop_evaluate(model.get(), options.dump().c_str(), nullptr, &text);
  if (code == 0) expectOk(relprop_text_free(text));
  return code;
}

TEST(CEvaluate, RefusesPatternsThatNoMethodReads) {
  const std::int32_t code = evaluated({{"method", {"gradient", "rap"}}, {"patterns", "pa.npz"}});
  const relprop_error error = failure(code, ErrorCode::InvalidArgument);
  EXPECT_STREQ(error.where, "patterns");
  EXPECT_THAT(error.got, HasSubstr("pa.npz"));
  EXPECT_STREQ(error.expected, "pattern-net or pattern-attribution among them");
  failure(evaluated({{"method", {"gradient", "pattern-net"}}, {"patterns", "no-such.npz"}}), ErrorCode::FileNotFound);
  expectOk(evaluated({{"method", {"gradient"}}}));
}

}  // namespace
}  // namespace relprop::c_test
