#include "onnx/importer.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <memory>
#include <new>

#include "onnx/external_data.h"
#include "onnx/graph_builder.h"
#include "onnx/mapped_file.h"
#include "onnx/raw_model.h"
#include "relprop/error.h"

namespace relprop {

namespace {

std::string hashOf(std::span<const std::uint8_t> model, const onnx_import::ExternalData& external) {
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  if (!state) throw Error(ErrorCode::OutOfMemory, "import", "no memory for hashing");
  XXH3_64bits_reset(state.get());
  XXH3_64bits_update(state.get(), model.data(), model.size());
  for (auto file : external.files()) XXH3_64bits_update(state.get(), file.data(), file.size());
  return fmt::format("xxh3:{:016x}", XXH3_64bits_digest(state.get()));
}

Graph importGraph(std::span<const std::uint8_t> bytes, onnx_import::ExternalData& external, const std::string& name) {
  try {
    return onnx_import::buildGraph(onnx_import::readProto(bytes, name), external, name);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfMemory, name, "no memory left for its weights");
  }
}

}  // namespace

ImportedModel importModel(const std::filesystem::path& path) {
  onnx_import::MappedFile file(path);
  std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  onnx_import::ExternalData external(folder);
  Graph graph = importGraph(file.bytes(), external, path.string());
  return {std::move(graph), hashOf(file.bytes(), external)};
}

Graph importModelFromBytes(std::span<const std::uint8_t> bytes, const std::filesystem::path& folder,
                           const std::string& name) {
  onnx_import::ExternalData external(folder);
  return importGraph(bytes, external, name);
}

}  // namespace relprop
