#include "onnx/importer.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <future>
#include <memory>
#include <new>

#include "onnx/external_data.h"
#include "onnx/graph_builder.h"
#include "onnx/mapped_file.h"
#include "onnx/raw_model.h"
#include "relprop/error.h"

namespace relprop {

namespace {

template <class T>
std::span<const std::uint8_t> bytesOf(const T& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(values[0])};
}

class Hash {
 public:
  Hash() : state_(XXH3_createState(), &XXH3_freeState) {
    if (!state_) throw Error(ErrorCode::OutOfMemory, "import", "no memory for hashing");
    XXH3_64bits_reset(state_.get());
  }
  void add(std::span<const std::uint8_t> bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
  // What is asked of the file makes another network of it; asked for nothing, the hash is that of the file.
  void add(const ImportOptions& options) {
    if (!options.output.empty()) add(bytesOf("output " + options.output));
    for (const auto& [name, value] : options.feeds) {
      add(bytesOf("input " + name + " " + toString(value.shape)));
      if (value.floats) add(bytesOf(*value.floats));
      if (value.ints) add(bytesOf(*value.ints));
    }
  }
  std::string text() const { return fmt::format("xxh3:{:016x}", XXH3_64bits_digest(state_.get())); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

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
  onnx_import::MappedFile file(path);
  return importModelFromBytes(file.bytes(), path.has_parent_path() ? path.parent_path() : ".", path.string(), options);
}

ImportedModel importModelFromBytes(std::span<const std::uint8_t> bytes, const std::filesystem::path& folder,
                                   const std::string& name, const ImportOptions& options) {
  onnx_import::ExternalData external(folder);
  Hash hash;
  // Beside the import where the system has a thread to spare, and else by whoever waits for it.
  std::future<void> hashed = std::async(std::launch::async | std::launch::deferred, [&] { hash.add(bytes); });
  ImportedModel model = importGraph(bytes, external, name, options);
  hashed.get();
  for (auto data : external.files()) hash.add(data);
  hash.add(options);
  model.hash = hash.text();
  return model;
}

}  // namespace relprop
