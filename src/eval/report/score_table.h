// Tables of scores as HTML.
#pragma once

#include <string>

#include "eval/report/section.h"

namespace relprop::eval {

std::string scoreTable(const Section& section);
// With what the store has of this picture alone.
std::string pictureTable(const Section& section, const ShownPicture& picture);
// A method's colour and short name; the complete string is its title.
std::string methodLabel(const Section& section, std::size_t method);
std::string skipList(const Section& section);  // "" when nothing was skipped
std::string completeStrings(const Section& section);
// "higher is better", …
std::string betterText(Better better);
std::string arrowOf(Better better);

}  // namespace relprop::eval
