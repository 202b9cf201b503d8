// One value of an options object, and what it may be.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "relprop/tensor.h"

namespace relprop::c {

// Each throws InvalidArgument, naming the option, where the value is of another kind.
class Value {
 public:
  Value(std::string option, const nlohmann::json& json) : option_(std::move(option)), json_(json) {}

  const std::string& option() const { return option_; }
  const nlohmann::json& json() const { return json_; }
  std::string text() const;  // without zero bytes
  bool flag() const;
  std::int64_t whole(std::int64_t low, std::int64_t high) const;
  double number(double low, double high) const;
  std::vector<std::string> texts() const;      // one text, or a list of them
  std::vector<std::string> someTexts() const;  // at least one
  std::vector<float> floats() const;
  Shape shape() const;  // H×W or C×H×W
  // A text, a number or true or false as a method string has it.
  std::string word() const;
  [[noreturn]] void refuse(const std::string& expected) const;

 private:
  Value part(const nlohmann::json& json) const { return {option_, json}; }

  std::string option_;
  const nlohmann::json& json_;
};

}  // namespace relprop::c
