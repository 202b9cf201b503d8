#include "eval/datasets/files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>

#include "core/lower_case.h"
#include "relprop/error.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

// The system opens no longer one, and fs::path takes 50 bytes for each of its parts.
constexpr std::size_t kLongestName = PATH_MAX - 1;
constexpr std::array kExtensions = {".jpg", ".jpeg", ".png", ".webp"};

// Tells `take` the name of each entry of a folder that is not hidden, and the entry.
template <typename Take>
void forEntries(const fs::path& folder, const Take& take) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.front() != '.') take(name, *entry);
  }
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    throw Error(ErrorCode::FileUnreadable, folder.string(), error.message());
}

// The names in a folder that `wanted` says yes to.
template <typename Wanted>
std::vector<std::string> namesIn(const fs::path& folder, const Wanted& wanted) {
  std::vector<std::string> names;
  forEntries(folder, [&](const std::string& name, const fs::directory_entry& entry) {
    if (wanted(entry)) names.push_back(name);
  });
  std::sort(names.begin(), names.end());
  return names;
}

// Those that lead somewhere. Without fs::path, whose normal form of a name with many parts takes the square of their
// number.
template <typename Take>
void forParts(std::string_view name, const Take& take) {
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(name.size(), part.size() + 1));
    if (!part.empty() && part != ".") take(part);
  }
}

bool leadsOut(std::string_view name) {
  std::int64_t depth = 0;
  bool out = name.starts_with('/');
  forParts(name, [&](std::string_view part) {
    depth += part == ".." ? -1 : 1;
    out = out || depth < 0;
  });
  return out;
}

}  // namespace

void malformed(const fs::path& where, const std::string& got, const std::string& expected, const std::string& hint) {
  throw Error(ErrorCode::MalformedDataset, where.string(), got, expected, hint);
}

void requireFolder(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    throw Error(ErrorCode::FileNotFound, path.string(), "no such folder", "the folder of a data set");
  if (status.type() == fs::file_type::none) throw Error(ErrorCode::FileUnreadable, path.string(), error.message());
  if (status.type() != fs::file_type::directory)
    throw Error(ErrorCode::FileUnreadable, path.string(), "a file", "the folder of a data set");
}

std::vector<std::string> filesIn(const fs::path& folder) {
  return namesIn(folder, [](const fs::directory_entry& entry) {
    std::error_code ignored;
    return !entry.is_directory(ignored) && !entry.is_other(ignored);  // no fifo, which would block for good
  });
}

std::vector<std::string> foldersIn(const fs::path& folder) {
  return namesIn(folder, [](const fs::directory_entry& entry) {
    std::error_code ignored;
    return entry.is_directory(ignored);
  });
}

FolderEntries entriesOf(const fs::path& folder) {
  FolderEntries entries;
  forEntries(folder, [&](const std::string& name, const fs::directory_entry& entry) {
    std::error_code ignored;
    if (entry.is_directory(ignored))
      entries.folders.push_back(name);
    else if (entry.is_other(ignored))
      ++entries.pipes;
    else if (isPicture(name))
      entries.pictures.push_back(name);
    else
      ++entries.otherFiles;
  });
  std::sort(entries.pictures.begin(), entries.pictures.end());
  std::sort(entries.folders.begin(), entries.folders.end());
  return entries;
}

bool isFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

const fs::path& regularFile(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_other(path, ignored)) throw Error(ErrorCode::FileUnreadable, path.string(), "a pipe or device", "a file");
  return path;
}

const std::string& nameWithin(const std::string& name, const std::string& where) {
  if (name.size() > kLongestName)
    malformed(where, fmt::format("a path of {} bytes", name.size()),
              fmt::format("at most {}, as a path may have", kLongestName));
  if (leadsOut(name))
    malformed(where, fmt::format("'{}'", name), "a path that stays in its folder",
              "link the folder of pictures into the data set");
  if (name.find('\0') != std::string::npos) malformed(where, fmt::format("'{}'", name), "a name without a NUL");
  return name;
}

std::string plainName(std::string_view name) {
  std::vector<std::string_view> parts;
  forParts(name, [&](std::string_view part) {
    if (part == ".." && !parts.empty() && parts.back() != "..")
      parts.pop_back();
    else
      parts.push_back(part);
  });
  return fmt::format("{}{}", name.starts_with('/') ? "/" : "", fmt::join(parts, "/"));
}

bool isPicture(const fs::path& name) {
  const std::string extension = lowerCase(name.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::vector<std::string> picturesIn(const fs::path& folder) {
  std::vector<std::string> names = filesIn(folder);
  std::erase_if(names, [](const std::string& name) { return !isPicture(name); });
  return names;
}

fs::path pictureOf(const fs::path& folder, const std::string& stem, const std::string& published) {
  const fs::path usual = folder / (stem + published);
  if (isFile(usual)) return usual;
  for (const char* extension : {".jpg", ".jpeg", ".JPEG", ".JPG", ".png", ".webp"})
    if (const fs::path file = folder / (stem + extension); isFile(file)) return file;
  return usual;
}

std::optional<fs::path> firstFile(const std::vector<fs::path>& candidates) {
  const auto found = std::find_if(candidates.begin(), candidates.end(), isFile);
  return found == candidates.end() ? std::nullopt : std::optional(*found);
}

void notePictures(Contents& contents, const fs::path& where, const std::function<fs::path(std::size_t)>& file) {
  const std::size_t pictures = contents.samples.size();
  std::size_t missing = 0;
  for (std::size_t i = 0; i < pictures; ++i) missing += !isFile(file(i));
  if (missing == pictures) {
    const std::string first = pictures == 0 ? "" : fmt::format(" (the first would be {})", file(0).string());
    malformed(where, fmt::format("none of {} pictures is there{}", pictures, first), "pictures");
  }
  if (missing > 0) noteShare(contents, "are missing and will be counted as skipped", missing);
}

void noteShare(Contents& contents, const std::string& what, std::size_t count) {
  contents.notes.push_back(fmt::format("{} of {} pictures {}.", count, contents.samples.size(), what));
}

Box boxOfSides(double x, double y, double width, double height, const std::string& where) {
  if (!(width >= 0 && height >= 0))
    malformed(where, fmt::format("a box of {}×{} pixels", width, height), "sides from 0 on");
  const Box box{x, y, x + width, y + height};
  if (!std::isfinite(box.x1) || !std::isfinite(box.y1))
    malformed(where, fmt::format("a box that ends at ({}, {})", box.x1, box.y1), "finite numbers");
  return box;
}

void requireFreshName(std::set<std::string>& seen, const std::string& name, const std::string& where,
                      const char* expected) {
  const std::string plain = plainName(name);
  if (seen.insert(plain).second) return;
  const std::string meant = name == plain ? "" : fmt::format(", which is '{}',", plain);
  malformed(where, fmt::format("'{}'{} is there twice", name, meant), expected);
}

void requireDifferentIds(const Contents& contents, const fs::path& where) {
  std::set<std::string> seen;
  for (const Sample& sample : contents.samples) requireFreshName(seen, sample.id, where.string());
}

}  // namespace relprop::eval
