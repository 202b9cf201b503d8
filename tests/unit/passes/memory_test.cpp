// What passes make of a few bytes is asked for before it is made.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "passes/passes.h"
#include "relprop/error.h"
#include "support/addresses.h"
#include "support/shared.h"
#include "unit/passes/build.h"

namespace relprop::test {
namespace {

// 0: specialised, 1: an error of memory, 2: another one.
int specialisedWithin(std::int64_t more, const Build& build) {
  SpecialiseOptions options;
  options.inputShape = build.graph.value(build.x()).shape;
  limitAddresses(more);
  try {
    specialise(build.graph, options);
    return 0;
  } catch (const Error& e) {
    std::fputs(e.what(), stderr);
    return e.code() == ErrorCode::OutOfMemory ? 1 : 2;
  }
}

// Each makes some four million indices, weights or numbers.
Build tiled() {
  Build b({1, 3, 8, 8});
  b.add(Op::Tile, {b.x(), b.ints({1, 1, 20000, 1})});
  return b;
}

Build resized(const std::string& mode) {
  Build b({1, 1, 8, 1});
  b.add(Op::Resize, {b.x(), kNoValue, b.floats({4}, {1, 1, 150000, 1})}, {{"mode", mode}});
  return b;
}

Build folded() {
  Build b({1, 3, 8, 8});
  const ValueId ones = b.add(Op::ConstantOfShape, {b.ints({1 << 24})});
  const ValueId first = b.add(Op::Slice, {b.add(Op::Neg, {ones}), b.ints({0}), b.ints({8})});
  b.add(Op::Add, {b.x(), first});
  return b;
}

TEST(PassMemory, LittleIsAnError) {
  RELPROP_SKIP_SANITIZED("sanitizers reserve more addresses than the limits leave");
  for (const Build& build : {tiled(), resized("nearest"), resized("linear"), resized("cubic"), folded()}) {
    EXPECT_EXIT(_exit(specialisedWithin(30 << 20, build)), testing::ExitedWithCode(1),
                "node '.*MB needed .expected at most the limit of");
    EXPECT_EXIT(_exit(specialisedWithin(1 << 30, build)), testing::ExitedWithCode(0), "");
  }
}

}  // namespace
}  // namespace relprop::test
