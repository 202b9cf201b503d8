#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "eval/datasets/files.h"
#include "relprop/error.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

// What lies there and is not read.
struct Unread {
  std::size_t files = 0, folders = 0, pipes = 0;

  void add(const FolderEntries& entries) {
    files += entries.otherFiles, folders += entries.folders.size(), pipes += entries.pipes;
  }
};

void addPictures(Contents& contents, const std::string& folder, const std::vector<std::string>& names,
                 const std::vector<int>& classes) {
  for (const std::string& name : names) contents.samples.push_back({(fs::path(folder) / name).string(), classes});
}

void noteEmptyClasses(Contents& contents, std::vector<std::string> empty) {
  if (empty.empty()) return;
  constexpr std::size_t shown = 5;
  const std::size_t count = empty.size();
  empty.resize(std::min(count, shown));
  contents.notes.push_back(fmt::format("{} of {} subfolders have no pictures, and count as classes: {}{}.", count,
                                       contents.classNames.size(), fmt::join(empty, ", "), count > shown ? ", …" : ""));
}

// One without pictures is a class all the same: whoever trained the network counted all folders, as torchvision does,
// and where no names are given the number is all that is known of a class.
Unread addClasses(Contents& contents, const fs::path& path, const FolderEntries& root) {
  Unread unread{root.otherFiles, 0, root.pipes};
  std::vector<std::string> empty;
  contents.classNames = root.folders;
  for (std::size_t k = 0; k < root.folders.size(); ++k) {
    const FolderEntries inside = entriesOf(path / root.folders[k]);
    addPictures(contents, root.folders[k], inside.pictures, {static_cast<int>(k)});
    unread.add(inside);
    if (inside.pictures.empty()) empty.push_back(root.folders[k]);
  }
  if (contents.samples.empty()) return unread;
  noteEmptyClasses(contents, std::move(empty));
  if (!root.pictures.empty())
    contents.notes.push_back(fmt::format("{} pictures that lie in no subfolder are left out.", root.pictures.size()));
  return unread;
}

Unread addLoosePictures(Contents& contents, const FolderEntries& root) {
  contents.classNames.clear();
  addPictures(contents, "", root.pictures, {});
  contents.notes.push_back("The pictures lie in no subfolders, so their classes are not known.");
  Unread unread;
  unread.add(root);
  return unread;
}

void addCount(std::vector<std::string>& parts, std::size_t count, const char* one, const char* several) {
  if (count > 0) parts.push_back(fmt::format("{} {}", count, count == 1 ? one : several));
}

void noteUnread(Contents& contents, const Unread& unread) {
  std::vector<std::string> parts;
  addCount(parts, unread.files, "file that is no JPEG, PNG or WebP by its name",
           "files that are no JPEG, PNG or WebP by their names");
  addCount(parts, unread.folders, "subfolder that is not looked into", "subfolders that are not looked into");
  addCount(parts, unread.pipes, "pipe or device", "pipes or devices");
  if (!parts.empty()) contents.notes.push_back(fmt::format("Left out: {}.", fmt::join(parts, ", ")));
}

}  // namespace

Contents openFolder(const fs::path& path) {
  requireFolder(path);
  Contents contents;
  const FolderEntries root = entriesOf(path);
  Unread unread = addClasses(contents, path, root);
  if (contents.samples.empty()) unread = addLoosePictures(contents, root);
  if (contents.samples.empty())
    malformed(path, "a folder without pictures", "JPEG, PNG or WebP files, one subfolder a class");
  noteUnread(contents, unread);
  contents.notes.push_back("A plain folder has no boxes and no masks: metrics that compare with them are left out.");
  contents.file = [path, samples = contents.samples](std::size_t i) { return path / samples[i].id; };
  contents.image = [file = contents.file](std::size_t i) {
    return readImage(regularFile(file(i)));
  };  // nothing is marked in it
  contents.annotation = [](std::size_t, std::optional<int>) { return Annotation{}; };
  return contents;
}

}  // namespace relprop::eval
