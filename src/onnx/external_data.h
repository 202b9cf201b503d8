// Weights that live in files beside the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "onnx/file_bytes.h"
#include "onnx/raw_model.h"

namespace relprop::onnx_import {

// Opens each file once, and only files inside the model's folder.
class ExternalData {
 public:
  explicit ExternalData(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // `where` names the tensor in messages. The bytes stay valid as long as this object does.
  std::span<const std::uint8_t> bytes(const ExternalRef& ref, const std::string& where);

  // Whole contents of the files used, in the order of their first use.
  std::vector<std::span<const std::uint8_t>> files() const;
  std::vector<std::string> paths() const;  // of these, sorted

 private:
  const FileBytes& open(const std::string& location, const std::string& where);
  std::filesystem::path resolve(const std::string& location, const std::string& where) const;

  std::filesystem::path folder_;
  std::map<std::filesystem::path, FileBytes> files_;
  std::vector<const FileBytes*> order_;
};

}  // namespace relprop::onnx_import
