#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "model_builder.h"
#include "onnx/importer.h"
#include "relprop/error.h"

namespace relprop::testing {

inline Graph import(const ModelBuilder& builder, const std::filesystem::path& folder = {}) {
  return importModelFromBytes(builder.bytes(), folder, "test.onnx");
}

// Runs `action` and expects an Error with that code whose message has all the parts.
template <class Action>
void expectError(Action action, ErrorCode code, const std::vector<std::string>& parts) {
  try {
    action();
    ADD_FAILURE() << "no error; expected " << errorCodeName(code);
  } catch (const Error& e) {
    EXPECT_STREQ(errorCodeName(e.code()), errorCodeName(code)) << e.what();
    for (const std::string& part : parts) EXPECT_THAT(e.what(), ::testing::HasSubstr(part));
  }
}

inline void expectImportError(const ModelBuilder& builder, ErrorCode code, const std::vector<std::string>& parts) {
  expectError([&] { import(builder); }, code, parts);
}

inline std::vector<std::int64_t> intsOf(const Graph& graph, ValueId id) {
  return *graph.value(id).constant->ints;
}
inline std::vector<float> floatsOf(const Graph& graph, ValueId id) {
  return *graph.value(id).constant->floats;
}

// A folder of its own for a test, gone afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / ("relprop_onnx_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::vector<std::uint8_t>& bytes) const {
    std::ofstream(path_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace relprop::testing
