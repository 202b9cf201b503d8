// Text as HTML. All that comes from outside passes through `escaped` or `scriptJson`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace relprop::eval {

// For text and for attributes in quotes.
std::string escaped(std::string_view text);
// A script element that holds data; nothing in it can end the element.
std::string scriptJson(const nlohmann::ordered_json& data);

struct PageFrame {
  std::string title;
  std::string root;              // from the page to the report's folder: "" or "../"
  std::string navigation, body;  // HTML
};
std::string htmlPage(const PageFrame& frame);

}  // namespace relprop::eval
