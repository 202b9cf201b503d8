// A layout as data: its name, what it looks like, and a function from a path to what lies there.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "relprop/dataset.h"

namespace relprop::eval {

struct Contents {
  std::vector<Sample> samples;
  std::vector<std::string> classNames, notes;  // as in Dataset
  bool hasBoxes = false, hasMasks = false;
  // The caller has checked the index. All may be called from several threads.
  std::function<std::filesystem::path(std::size_t)>
      file;                                 // none where photos lie in another file; then there is an image
  std::function<Image(std::size_t)> image;  // none: the file as it is stored, without EXIF orientation
  std::function<Annotation(std::size_t, std::optional<int>)> annotation;
};

struct Layout {
  DatasetKind kind;
  // Throws FileNotFound, FileUnreadable, MalformedDataset.
  Contents (*open)(const std::filesystem::path& path);
};

const std::vector<Layout>& layouts();  // the one list, layout_list.cpp

Contents openImagenet(const std::filesystem::path& path);
Contents openImagenetSegmentation(const std::filesystem::path& path);
Contents openVoc(const std::filesystem::path& path);
Contents openCub(const std::filesystem::path& path);
Contents openImagenetS(const std::filesystem::path& path);
Contents openCoco(const std::filesystem::path& path);
Contents openBoxes(const std::filesystem::path& path);
Contents openFolder(const std::filesystem::path& path);

}  // namespace relprop::eval
