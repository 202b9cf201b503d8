// The annotation files that Pascal VOC and ImageNet share: XML, one <object> with a name and a box each.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "relprop/dataset.h"

namespace relprop::eval {

// How a file counts pixels; the last one belongs to the box either way.
enum class FirstPixel { Zero, One };

struct NamedBox {
  std::string name;
  Box box;
};

struct PictureObjects {
  std::vector<NamedBox> objects;
  double width = 0, height = 0;  // of the picture that was annotated; 0 where <size> does not say
};

// Throws MalformedDataset (broken XML, no box, a box that is turned inside out) and what readFile throws.
PictureObjects readObjects(const std::filesystem::path& xml, FirstPixel first);

}  // namespace relprop::eval
