#include "onnx/external_data.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "onnx/failure.h"
#include "relprop/error.h"

namespace relprop::onnx_import {

namespace {

std::uint64_t parseNumber(const std::string& text, std::uint64_t fallback, const std::string& where) {
  if (text.empty()) return fallback;
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    malformed(where, "external data has offset or length " + quote(text), "a number of bytes");
  return number;
}

// Both paths are canonical: absolute and without links, `.` and `..`.
bool isInside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  auto [at, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return at == folder.end() && rest != path.end();
}

}  // namespace

std::filesystem::path ExternalData::resolve(const std::string& location, const std::string& where) const {
  if (folder_.empty())
    unsupported(where, "its data is in the external file " + quote(location), "a self-contained model",
                "load the model from its file, or name the folder of its data");
  std::filesystem::path relative(location);
  if (location.empty() || location.find('\0') != std::string::npos || relative.is_absolute())
    malformed(where, "external data location is " + quote(location), "a path relative to the model's folder");
  std::error_code error;
  auto folder = std::filesystem::canonical(folder_, error);
  auto path = error ? folder_ / relative : std::filesystem::weakly_canonical(folder / relative, error);
  if (error || !isInside(path, folder))
    malformed(where, "external data location " + quote(location) + " lies outside the model's folder",
              "a file inside " + folder_.string());
  return path;
}

const FileBytes& ExternalData::open(const std::string& location, const std::string& where) {
  auto path = resolve(location, where);
  auto found = files_.find(path);
  if (found != files_.end()) return found->second;
  try {
    found = files_.emplace(path, FileBytes(path)).first;
  } catch (const Error& e) {
    throw Error(e.code(), where, "external data file " + quote(location) + ": " + e.got());
  }
  order_.push_back(&found->second);
  return found->second;
}

std::span<const std::uint8_t> ExternalData::bytes(const ExternalRef& ref, const std::string& where) {
  auto all = open(ref.location, where).bytes();
  std::uint64_t offset = parseNumber(ref.offset, 0, where);
  std::uint64_t room = offset <= all.size() ? all.size() - offset : 0;
  std::uint64_t length = parseNumber(ref.length, room, where);
  if (offset > all.size() || length > room)
    malformed(where, "external data file " + quote(ref.location) + " has " + std::to_string(all.size()) + " bytes",
              std::to_string(length) + " bytes from offset " + std::to_string(offset));
  return all.subspan(offset, length);
}

std::vector<std::span<const std::uint8_t>> ExternalData::files() const {
  std::vector<std::span<const std::uint8_t>> result;
  for (const FileBytes* file : order_) result.push_back(file->bytes());
  return result;
}

std::vector<std::string> ExternalData::paths() const {
  std::vector<std::string> result;
  for (const auto& [path, file] : files_) result.push_back(path.string());
  return result;
}

}  // namespace relprop::onnx_import
