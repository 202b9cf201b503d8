#include "explainer/synsets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "relprop/explain.h"

namespace relprop {
namespace {

constexpr int kIlsvrc[] = {
#include "explainer/imagenet_synsets.inc"
};
static_assert(std::size(kIlsvrc) == 1000);

}  // namespace

bool isSynset(const std::string& name) {
  return name.size() == 9 && name.front() == 'n' &&
         std::all_of(name.begin() + 1, name.end(), [](unsigned char c) { return std::isdigit(c); });
}

const std::map<std::string, int>& ilsvrcNumbers() {
  static const std::map<std::string, int> numbers = [] {
    std::map<std::string, int> all;
    for (int synset : kIlsvrc) all.emplace(fmt::format("n{:08}", synset), static_cast<int>(all.size()));
    return all;
  }();
  return numbers;
}

const std::map<std::string, int>& synsetsOf(const std::vector<std::string>& labels) {
  static const std::map<std::string, int> none;
  const bool own = labels.size() == std::size(kIlsvrc) && labels == readLabels("imagenet");
  return own ? ilsvrcNumbers() : none;
}

}  // namespace relprop
