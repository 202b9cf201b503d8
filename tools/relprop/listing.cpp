#include "listing.h"

namespace relprop::cli {

void printParameters(Console& console, const std::string& title, const Parameters& parameters) {
  if (parameters.empty()) return;
  console.heading(title);
  for (const auto& [key, text] : parameters) console.data(fmt::format("  {:<16}{}", key, text));
}

Json parametersJson(const Parameters& parameters) {
  Json json = Json::object();
  for (const auto& [key, text] : parameters) json[key] = text;
  return json;
}

}  // namespace relprop::cli
