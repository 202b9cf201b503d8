// Class names: lists and JSON of several shapes.
#include "fuzz/harness.h"
#include "relprop/explain.h"

namespace relprop::fuzz {
namespace {

const Harness labelsHarness("labels", [](Bytes bytes) {
  expectResultOrError([&] { requireLabelsFor(10, parseLabels(textOf(bytes), "fuzz"), "fuzz"); });
});

}  // namespace
}  // namespace relprop::fuzz
