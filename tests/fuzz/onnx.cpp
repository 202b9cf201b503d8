// The importer: protobuf, external data refused, functions and composites expanded, types and shapes checked.
#include "fuzz/harness.h"
#include "fuzz/model_damage.h"
#include "onnx/importer.h"

namespace relprop::fuzz {
namespace {

const Harness onnxHarness(
    "onnx", [](Bytes bytes) { expectResultOrError([&] { importModelFromBytes(bytes, {}, "fuzz"); }); }, damagedModel);

}  // namespace
}  // namespace relprop::fuzz
