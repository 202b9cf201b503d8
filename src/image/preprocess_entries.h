// An object of a file that another program wrote, and what is made of all such.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "relprop/image.h"

namespace relprop {

// Keys whose value is null count as missing. What is asked for and is no such throws MalformedPreprocess, which names
// the file's own key.
class Entries {
 public:
  using Json = nlohmann::ordered_json;

  Entries(const Json& object, const std::string& where) : object_(object), where_(where) {}

  [[noreturn]] void reject(const std::string& key, const std::string& expected) const;
  bool has(const std::string& key) const { return object_.contains(key) && !object_.at(key).is_null(); }
  const Json& all() const { return object_; }
  const Json& at(const std::string& key) const { return object_.at(key); }
  bool flag(const std::string& key, bool fallback) const;
  double number(const std::string& key, double fallback) const;
  // Empty where there is no text.
  std::string text(const std::string& key) const;
  // One number stands for a list of one.
  std::vector<double> numbers(const std::string& key) const;
  // `value`: that of the key, or a part of it.
  int side(const std::string& key, const Json& value) const;
  // Above 0, and at most 1.
  double share(const std::string& key, double fallback) const;
  // The whole of which a side is a share, rounded down; `key` is the share's.
  int wholeOf(const std::string& key, int side, double share) const;

 private:
  const Json& object_;
  const std::string& where_;
};

void setSides(Preprocess& p, int height, int width);
// Pictures are resized by antialiased bilinear interpolation, whatever a file asks for.
void noteFilter(Preprocess& p, const std::string& filter);

}  // namespace relprop
