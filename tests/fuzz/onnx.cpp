// The importer: protobuf, external data refused, functions and composites expanded, types and shapes checked.
#include "fuzz/harness.h"
#include "onnx/importer.h"

namespace relprop::fuzz {
namespace {

const Harness onnxHarness("onnx",
                          [](Bytes bytes) { expectResultOrError([&] { importModelFromBytes(bytes, {}, "fuzz"); }); });

}  // namespace
}  // namespace relprop::fuzz
