// Names from files, networks and data sets in text that people read: they may hold anything.
#pragma once

#include <string>
#include <string_view>

#include "relprop/export.h"

namespace relprop {

// For a line on a terminal: control characters (line ends and C1 too), marks that turn the direction of writing and
// bytes that are not UTF-8 become escapes such as \n, \x1b and \u202e; what JSON may hold becomes an escape that is one
// of JSON too. Other text stays as it is.
RELPROP_API std::string visibleText(std::string_view text);
// Bytes that are not UTF-8 become U+FFFD, one for each.
RELPROP_API std::string validUtf8(std::string_view text);

}  // namespace relprop
