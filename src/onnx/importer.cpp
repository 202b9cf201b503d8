#include "onnx/importer.h"

#include <future>
#include <new>

#include "onnx/external_data.h"
#include "onnx/file_bytes.h"
#include "onnx/file_hash.h"
#include "onnx/graph_builder.h"
#include "onnx/raw_model.h"
#include "relprop/error.h"

namespace relprop {

namespace {

template <class T>
std::span<const std::uint8_t> bytesOf(const T& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(values[0])};
}

// What is asked of the file makes another network of it; asked for nothing, the hash is that of the file.
void addTo(FileHash& hash, const ImportOptions& options) {
  if (!options.output.empty()) hash.add(bytesOf("output " + options.output));
  for (const auto& [name, value] : options.feeds) {
    hash.add(bytesOf("input " + name + " " + toString(value.shape)));
    if (value.floats) hash.add(bytesOf(*value.floats));
    if (value.ints) hash.add(bytesOf(*value.ints));
  }
}

constexpr std::size_t kWorthAThread = 1 << 20;  // bytes; one is started in the time in which so many are hashed

ImportedModel importGraph(std::span<const std::uint8_t> bytes, onnx_import::ExternalData& external,
                          const std::string& name, const ImportOptions& options) {
  try {
    return onnx_import::buildGraph(onnx_import::readProto(bytes, name), external, name, options);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, name, "no memory left for its weights");
  }
}

}  // namespace

ImportedModel importModel(const std::filesystem::path& path, const ImportOptions& options) {
  onnx_import::FileBytes file(path);
  return importModelFromBytes(file.bytes(), path.has_parent_path() ? path.parent_path() : ".", path.string(), options);
}

ImportedModel importModelFromBytes(std::span<const std::uint8_t> bytes, const std::filesystem::path& folder,
                                   const std::string& name, const ImportOptions& options) {
  // Before anything reads them: of bytes in memory the number is what a caller says.
  onnx_import::requireModelSize(bytes.size(), name);
  onnx_import::ExternalData external(folder);
  FileHash hash;
  // Beside the import where the system has a thread to spare, and else by whoever waits for it.
  const auto aside = bytes.size() < kWorthAThread ? std::launch::deferred : std::launch::async | std::launch::deferred;
  std::future<void> hashed = std::async(aside, [&] { hash.add(bytes); });
  ImportedModel model = importGraph(bytes, external, name, options);
  hashed.get();
  for (auto data : external.files()) hash.add(data);
  addTo(hash, options);
  model.hash = hash.text();
  model.weightFiles = external.paths();
  return model;
}

}  // namespace relprop
