// Text lists: one entry a line, fields with white space between them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relprop::eval {

// Lasts while readList hands it over.
class ListLine {
 public:
  ListLine(const std::filesystem::path& list, std::size_t line, std::vector<std::string> fields)
      : list_(list), line_(line), fields_(std::move(fields)) {}

  std::size_t size() const { return fields_.size(); }
  const std::string& text(std::size_t field) const { return fields_.at(field); }
  const std::string& name(std::size_t field) const;  // of a picture, as nameWithin has it
  // Throws MalformedDataset for a picture that an earlier line has, as requireFreshName has it.
  void requireFresh(std::set<std::string>& seen, const std::string& picture) const;
  int whole(std::size_t field, int low) const;  // throws MalformedDataset unless a whole number from `low` on
  double number(std::size_t field) const;       // throws MalformedDataset unless a finite number
  std::string where() const;                    // "val.txt, line 3"

 private:
  const std::filesystem::path& list_;
  std::size_t line_;
  std::vector<std::string> fields_;
};

// The file's text, without the byte order mark that Windows' editors put in front. Throws what readFile throws.
std::string readText(const std::filesystem::path& path);

// Hands over one line after the other, so that what is kept of them is the caller's choice. Empty lines are left out.
// Throws MalformedDataset for a line with fewer or more fields than allowed, naming `expected`, and what readFile
// throws.
void readList(const std::filesystem::path& path, std::size_t least, std::size_t most, const std::string& expected,
              const std::function<void(const ListLine&)>& take);

// The whole text as a finite number; none when it is not one.
std::optional<double> asNumber(const std::string& text);

}  // namespace relprop::eval
