// Names that users type, and names in files: how known ones are listed, and which of them a misspelt one may have
// meant.
#pragma once

#include <string>
#include <vector>

#include "relprop/error.h"

namespace relprop {

std::string listed(const std::vector<std::string>& words);  // "a, b or c"
// Names of a file, which may have any number: the first 20, and how many more there are.
std::string listedFirst(const std::vector<std::string>& names, const std::string& separator = ", ");
// The known word nearest to a misspelt one, "" when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);
// Throws `code` for an unknown name: lists the known ones and suggests the nearest.
[[noreturn]] void unknownName(ErrorCode code, const std::string& subject, const std::string& name,
                              const std::vector<std::string>& known);

}  // namespace relprop
