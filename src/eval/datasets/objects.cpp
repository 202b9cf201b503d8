#include "eval/datasets/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <pugixml.hpp>

#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"

namespace relprop::eval {

namespace {

namespace fs = std::filesystem;

// A comment or CDATA cuts a text into pieces, all of which count.
std::string wholeText(const pugi::xml_node& node) {
  constexpr const char* kSpace = " \t\r\n";
  std::string text;
  for (const pugi::xml_node& piece : node.children()) text += piece.value();
  text.erase(text.find_last_not_of(kSpace) + 1);
  return text.erase(0, std::min(text.find_first_not_of(kSpace), text.size()));
}

// Of two one would count for nothing.
pugi::xml_node onlyChild(const pugi::xml_node& parent, const char* key, const fs::path& xml) {
  const pugi::xml_node child = parent.child(key);
  if (child && child.next_sibling(key)) malformed(xml, fmt::format("two <{}> in <{}>", key, parent.name()), "one");
  return child;
}

double coordinate(const pugi::xml_node& box, const char* key, const fs::path& xml) {
  const std::string text = wholeText(onlyChild(box, key, xml));
  const std::optional<double> value = asNumber(text);
  if (!value) malformed(xml, fmt::format("<{}> is '{}'", key, text), "a number");
  return *value;
}

Box boxOf(const pugi::xml_node& object, FirstPixel first, const fs::path& xml) {
  const pugi::xml_node node = onlyChild(object, "bndbox", xml);
  if (!node) malformed(xml, "an <object> without <bndbox>", "a box for every object");
  const double xmin = coordinate(node, "xmin", xml), xmax = coordinate(node, "xmax", xml);
  const double ymin = coordinate(node, "ymin", xml), ymax = coordinate(node, "ymax", xml);
  if (xmin > xmax || ymin > ymax)
    malformed(xml, fmt::format("a box from ({}, {}) to ({}, {})", xmin, ymin, xmax, ymax), "xmin ≤ xmax, ymin ≤ ymax");
  const double origin = first == FirstPixel::One ? 1 : 0;
  return {xmin - origin, ymin - origin, xmax - origin + 1, ymax - origin + 1};
}

std::string nameOf(const pugi::xml_node& object, const fs::path& xml) {
  const std::string name = wholeText(onlyChild(object, "name", xml));
  if (name.empty()) malformed(xml, "an <object> without <name>", "a name for every object");
  return name;
}

double sizeOf(const pugi::xml_node& root, const char* key) {
  return asNumber(wholeText(root.child("size").child(key))).value_or(0);
}

// The root, and the only thing in the file.
pugi::xml_node annotationIn(const pugi::xml_document& document, const fs::path& xml) {
  const pugi::xml_node root = document.child("annotation");
  if (!root) malformed(xml, fmt::format("<{}>", document.document_element().name()), "<annotation>");
  if (const pugi::xml_node other = root.next_sibling())
    malformed(xml, fmt::format("<{}> behind </annotation>", other.name()), "one <annotation>");
  return root;
}

}  // namespace

PictureObjects readObjects(const fs::path& xml, FirstPixel first) {
  const std::vector<std::uint8_t> bytes = readFile(regularFile(xml));
  pugi::xml_document document;
  const pugi::xml_parse_result result = document.load_buffer(bytes.data(), bytes.size(), pugi::parse_default);
  if (result.status == pugi::status_out_of_memory) throw std::bad_alloc();
  if (!result) malformed(xml, fmt::format("{} at byte {}", result.description(), result.offset), "a whole XML file");
  const pugi::xml_node root = annotationIn(document, xml);
  PictureObjects picture{{}, sizeOf(root, "width"), sizeOf(root, "height")};
  for (const pugi::xml_node& object : root.children("object"))
    picture.objects.push_back({nameOf(object, xml), boxOf(object, first, xml)});
  return picture;
}

}  // namespace relprop::eval
