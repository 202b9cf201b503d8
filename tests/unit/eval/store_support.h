// Rows, folders and errors for the tests of the store.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "eval/sqlite.h"
#include "relprop/store.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace relprop::store_test {

using test::expectError;
using Folder = test::TemporaryFolder;

Provenance run(const std::string& command = "relprop evaluate net.onnx");
ModelFacts model(const std::string& key = "net");
PictureFacts pictureFacts(const std::string& picture, const std::string& target = "true");
// A result with scores and a curve that follow from its key alone.
Result result(const std::string& picture, const std::string& method = "rap", const std::string& protocol = "probe@1");
// The facts of a picture, and its maps and results for these methods and protocols.
ResultBatch batch(const std::string& picture, const std::vector<std::string>& methods = {"rap"},
                  const std::vector<std::string>& protocols = {"probe@1"});

// With a run begun and the model put.
Store ready(Store store);
Store writable(const std::filesystem::path& path);

// All of a row as text, exactly, but without times.
std::string show(const Result& result);
std::string show(const PictureFacts& picture);
std::string show(const Provenance& run);
// The same of everything in a store: models, pictures, maps, results with their runs.
std::string show(const Store& store);

// What a query says to somebody with nothing but SQLite: columns with |, rows with newlines.
std::string query(const std::filesystem::path& path, const std::string& sql);

}  // namespace relprop::store_test
