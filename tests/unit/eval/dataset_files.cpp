#include "unit/eval/dataset_files.h"

#include <algorithm>
#include <sstream>

#include "relprop/image.h"

namespace relprop::dataset_test {

namespace fs = std::filesystem;

void Tree::writePicture(const std::string& name, int red, int width, int height) const {
  Image image{width, height, Bytes(static_cast<std::size_t>(width * height * 3))};
  image.pixels[0] = static_cast<std::uint8_t>(red);
  write(name, encodePng(image));
}

Dataset open(const std::string& kind, const fs::path& path) {
  return Dataset::open(kind + ":" + path.string());
}

int redOf(const Dataset& dataset, std::size_t i) {
  return dataset.image(i).pixels.at(0);
}

std::vector<std::string> ids(const Dataset& dataset) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < dataset.size(); ++i) all.push_back(dataset.sample(i).id);
  return all;
}

std::vector<std::vector<int>> classes(const Dataset& dataset) {
  std::vector<std::vector<int>> all;
  for (std::size_t i = 0; i < dataset.size(); ++i) all.push_back(dataset.sample(i).classes);
  return all;
}

bool notes(const Dataset& dataset, const std::string& text) {
  const std::vector<std::string>& all = dataset.notes();
  return std::any_of(all.begin(), all.end(), [&](const auto& note) { return note.find(text) != std::string::npos; });
}

std::string xml(const std::vector<Object>& objects) {
  std::ostringstream text;
  text << "<annotation><folder>x</folder>";
  for (const Object& object : objects)
    text << "<object><name>" << object.name << "</name><part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
         << "<xmax>2</xmax><ymax>2</ymax></bndbox></part><bndbox><xmin>" << object.corners[0] << "</xmin><ymin>"
         << object.corners[1] << "</ymin><xmax>" << object.corners[2] << "</xmax><ymax> " << object.corners[3]
         << " </ymax></bndbox></object>\n";
  return text.str() + "</annotation>";
}

std::string sizedXml(int width, int height, const std::vector<Object>& objects) {
  const std::string start = "<annotation>", sides = "<width>" + std::to_string(width) + "</width><height> " +
                                                    std::to_string(height) + " </height><depth>3</depth>";
  return start + "<size>" + sides + "</size>" + xml(objects).substr(start.size());
}

std::vector<int> counts(const Mask& mask) {
  const auto of = [&](std::uint8_t value) {
    return static_cast<int>(std::count(mask.values.begin(), mask.values.end(), value));
  };
  return {of(Mask::kObject), of(Mask::kBackground), of(Mask::kVoid)};
}

}  // namespace relprop::dataset_test
