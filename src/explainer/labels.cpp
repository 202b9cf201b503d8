#include <cctype>
#include <sstream>

#include "relprop/error.h"
#include "relprop/explain.h"

namespace relprop {
namespace {

const char* const kImageNet[] = {
#include "explainer/imagenet_labels.inc"
};

// "n01440764 tench, Tinca tinca" → "tench, Tinca tinca"
std::string withoutSynset(const std::string& line) {
  std::size_t i = 1;
  while (i < line.size() && std::isdigit(static_cast<unsigned char>(line[i]))) ++i;
  const bool synset = line.size() > 10 && line[0] == 'n' && i == 9 && line[i] == ' ';
  return synset ? line.substr(i + 1) : line;
}

}  // namespace

std::vector<std::string> readLabels(const std::string& nameOrPath) {
  if (nameOrPath == "imagenet") return {std::begin(kImageNet), std::end(kImageNet)};
  const std::vector<std::uint8_t> bytes = readFile(nameOrPath);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> labels;
  for (std::string line; std::getline(text, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    labels.push_back(withoutSynset(line));
  }
  if (labels.empty()) throw Error(ErrorCode::InvalidArgument, nameOrPath, "no labels", "one class name a line");
  return labels;
}

}  // namespace relprop
