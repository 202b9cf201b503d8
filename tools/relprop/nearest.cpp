#include <algorithm>

#include "commands.h"
#include "relprop/error.h"

namespace relprop::cli {

std::string nearestName(const std::string& word, const std::vector<std::string>& names) {
  return relprop::nearestName(word, names, word.size() < 3 ? 1 : std::max<std::size_t>(2, word.size() / 2));
}

}  // namespace relprop::cli
