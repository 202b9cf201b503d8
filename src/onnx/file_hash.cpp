#include "onnx/file_hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "relprop/error.h"

namespace relprop {

struct FileHash::State {
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> of{XXH3_createState(), &XXH3_freeState};
};

FileHash::FileHash() : state_(std::make_shared<State>()) {
  if (!state_->of) throw Error(ErrorCode::OutOfMemory, "import", "no memory for hashing");
  XXH3_64bits_reset(state_->of.get());
}

void FileHash::add(std::span<const std::uint8_t> bytes) {
  XXH3_64bits_update(state_->of.get(), bytes.data(), bytes.size());
}

std::string FileHash::text() const {
  return fmt::format("xxh3:{:016x}", XXH3_64bits_digest(state_->of.get()));
}

}  // namespace relprop
