// Text lists: one entry a line, fields with white space between them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace relprop::eval {

class ListLine {
 public:
  ListLine(std::string where, std::vector<std::string> fields) : where_(std::move(where)), fields_(std::move(fields)) {}

  std::size_t size() const { return fields_.size(); }
  const std::string& text(std::size_t field) const { return fields_.at(field); }
  int whole(std::size_t field, int low) const;  // throws MalformedDataset unless a whole number from `low` on
  double number(std::size_t field) const;       // throws MalformedDataset unless a finite number

 private:
  std::string where_;  // "val.txt, line 3"
  std::vector<std::string> fields_;
};

// Empty lines are left out. Throws MalformedDataset for a line with fewer or more fields than allowed, naming
// `expected`, and what readFile throws.
std::vector<ListLine> readList(const std::filesystem::path& path, std::size_t least, std::size_t most,
                               const std::string& expected);

// The whole text as a finite number; none when it is not one.
std::optional<double> asNumber(const std::string& text);

}  // namespace relprop::eval
