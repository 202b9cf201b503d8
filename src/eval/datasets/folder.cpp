#include <fmt/format.h>

#include "eval/datasets/files.h"
#include "relprop/error.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

void addPictures(Contents& contents, const std::string& folder, const std::vector<std::string>& names,
                 const std::vector<int>& classes) {
  for (const std::string& name : names) contents.samples.push_back({(fs::path(folder) / name).string(), classes});
}

void addClasses(Contents& contents, const fs::path& path) {
  for (const std::string& folder : foldersIn(path)) {
    const std::vector<std::string> pictures = picturesIn(path / folder);
    if (pictures.empty()) continue;
    addPictures(contents, folder, pictures, {static_cast<int>(contents.classNames.size())});
    contents.classNames.push_back(folder);
  }
}

}  // namespace

Contents openFolder(const fs::path& path) {
  requireFolder(path);
  Contents contents;
  addClasses(contents, path);
  const std::vector<std::string> loose = picturesIn(path);
  if (contents.samples.empty()) {
    addPictures(contents, "", loose, {});
    contents.notes.push_back("The pictures lie in no subfolders, so their classes are not known.");
  } else if (!loose.empty()) {
    contents.notes.push_back(fmt::format("{} pictures that lie in no subfolder are left out.", loose.size()));
  }
  if (contents.samples.empty())
    malformed(path, "a folder without pictures", "JPEG, PNG or WebP files, one subfolder a class");
  contents.notes.push_back("A plain folder has no boxes and no masks: metrics that compare with them are left out.");
  contents.file = [path, samples = contents.samples](std::size_t i) { return path / samples[i].id; };
  contents.image = [file = contents.file](std::size_t i) {
    return readImage(regularFile(file(i)));
  };  // nothing is marked in it
  contents.annotation = [](std::size_t, std::optional<int>) { return Annotation{}; };
  return contents;
}

}  // namespace relprop::eval
