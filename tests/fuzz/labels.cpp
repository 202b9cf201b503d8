// Class names: lists and JSON of several shapes.
#include "fuzz/harness.h"
#include "fuzz/json_damage.h"
#include "relprop/explain.h"

namespace relprop::fuzz {
namespace {

const Harness labelsHarness(
    "labels",
    [](Bytes bytes) { expectResultOrError([&] { requireLabelsFor(2, parseLabels(textOf(bytes), "fuzz"), "fuzz"); }); },
    damagedJson);

}  // namespace
}  // namespace relprop::fuzz
