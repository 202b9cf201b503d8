#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "model_builder.h"
#include "onnx/importer.h"
#include "relprop/error.h"
#include "support/temporary_folder.h"

namespace relprop::onnx_test {

using test::TemporaryFolder;

inline Graph import(const ModelBuilder& builder, const std::filesystem::path& folder = {}) {
  return importModelFromBytes(builder.bytes(), folder, "test.onnx").graph;
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

}  // namespace relprop::onnx_test
