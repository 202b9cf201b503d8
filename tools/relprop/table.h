// Text in columns.
#pragma once

#include <string>
#include <vector>

#include "console.h"

namespace relprop::cli {

// Columns as wide as their widest cell; no blanks at the end of a line. The first row is the
// heading.
void printTable(Console& console, std::vector<std::vector<std::string>> rows);

}  // namespace relprop::cli
