#include "eval/photo_file.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <system_error>

namespace relprop::eval {

namespace {
constexpr std::string_view kBefore = " (", kBehind = " bytes)";
}

std::optional<std::uintmax_t> photoBytes(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  return error ? std::nullopt : std::optional(bytes);
}

std::string photoFileText(const std::filesystem::path& path) {
  const auto bytes = photoBytes(path);
  return bytes ? fmt::format("{}{}{}{}", path.string(), kBefore, *bytes, kBehind) : path.string();
}

std::optional<std::uintmax_t> photoBytesIn(const std::string& text) {
  if (!text.ends_with(kBehind)) return {};
  const std::size_t before = text.rfind(kBefore);
  if (before == std::string::npos) return {};
  const char *first = text.data() + before + kBefore.size(), *last = text.data() + text.size() - kBehind.size();
  std::uintmax_t bytes = 0;
  const auto [end, error] = std::from_chars(first, last, bytes);
  return error == std::errc() && end == last ? std::optional(bytes) : std::nullopt;
}

}  // namespace relprop::eval
