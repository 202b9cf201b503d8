// What people keep beside a network: the parts are files beside model.onnx; the part metadata-KEY is the network's own.
#include "fuzz/harness.h"
#include "fuzz/json_damage.h"
#include "fuzz/small_model.h"

namespace relprop::fuzz {
namespace {

constexpr std::string_view kMetadata = "metadata-";

std::map<std::string, std::string> metadataOf(const std::vector<Part>& parts) {
  std::map<std::string, std::string> metadata;
  for (const Part& part : parts)
    if (part.name.starts_with(kMetadata)) metadata[part.name.substr(kMetadata.size())] = textOf(part.bytes);
  return metadata;
}

const Harness sideFilesHarness(
    "side_files",
    [](Bytes bytes) {
      const std::filesystem::path folder = emptyFolder();
      const std::vector<Part> parts = partsOf(bytes);
      writeParts(folder, parts);
      expectResultOrError([&] {
        const std::map<std::string, std::string> metadata = metadataOf(parts);
        static const Model bare = smallModel((folder / "model.onnx").string());
        const Model model = metadata.empty() ? bare : smallModel((folder / "model.onnx").string(), metadata);
        expectResultOrError([&] { findPreprocess(model); });
        expectResultOrError([&] { findLabels(model); });
      });
    },
    damagedJsonPart);

}  // namespace
}  // namespace relprop::fuzz
