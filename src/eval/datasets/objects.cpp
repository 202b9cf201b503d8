#include "eval/datasets/objects.h"

#include <fmt/format.h>

#include <new>
#include <pugixml.hpp>

#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

double coordinate(const pugi::xml_node& box, const char* key, const fs::path& xml) {
  const std::string text = box.child(key).text().as_string();
  const std::optional<double> value = asNumber(text);
  if (!value) malformed(xml, fmt::format("<{}> is '{}'", key, text), "a number");
  return *value;
}

Box boxOf(const pugi::xml_node& object, FirstPixel first, const fs::path& xml) {
  const pugi::xml_node node = object.child("bndbox");
  if (!node) malformed(xml, "an <object> without <bndbox>", "a box for every object");
  const double xmin = coordinate(node, "xmin", xml), xmax = coordinate(node, "xmax", xml);
  const double ymin = coordinate(node, "ymin", xml), ymax = coordinate(node, "ymax", xml);
  if (xmin > xmax || ymin > ymax)
    malformed(xml, fmt::format("a box from ({}, {}) to ({}, {})", xmin, ymin, xmax, ymax), "xmin ≤ xmax, ymin ≤ ymax");
  const double origin = first == FirstPixel::One ? 1 : 0;
  return {xmin - origin, ymin - origin, xmax - origin + 1, ymax - origin + 1};
}

std::string nameOf(const pugi::xml_node& object, const fs::path& xml) {
  const std::string name = object.child("name").text().as_string();
  if (name.empty()) malformed(xml, "an <object> without <name>", "a name for every object");
  return name;
}

double sizeOf(const pugi::xml_node& root, const char* key) {
  return asNumber(root.child("size").child(key).text().as_string()).value_or(0);
}

}  // namespace

PictureObjects readObjects(const fs::path& xml, FirstPixel first) {
  const std::vector<std::uint8_t> bytes = readFile(regularFile(xml));
  pugi::xml_document document;
  const pugi::xml_parse_result result =
      document.load_buffer(bytes.data(), bytes.size(), pugi::parse_default | pugi::parse_trim_pcdata);
  if (result.status == pugi::status_out_of_memory) throw std::bad_alloc();
  if (!result) malformed(xml, fmt::format("{} at byte {}", result.description(), result.offset), "a whole XML file");
  const pugi::xml_node root = document.child("annotation");
  if (!root) malformed(xml, fmt::format("<{}>", document.document_element().name()), "<annotation>");
  PictureObjects picture{{}, sizeOf(root, "width"), sizeOf(root, "height")};
  for (const pugi::xml_node& object : root.children("object"))
    picture.objects.push_back({nameOf(object, xml), boxOf(object, first, xml)});
  return picture;
}

}  // namespace relprop::eval
