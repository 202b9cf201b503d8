// The parameters in "name:key=value,key=value", for rules, methods and metrics alike.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "relprop/error.h"

namespace relprop {

struct ParameterInfo {
  std::string key, fallback, choices;
};

// Checked access: every given key must be one that is asked for. What complete() says names methods and protocols, in
// stores too, so a number has one text there however it was written: 4, 04 and 4.0 are 4.
class Parameters {
 public:
  // `code` and `subject` ("rule gamma") are for errors.
  Parameters(ErrorCode code, std::string subject, std::map<std::string, std::string> given);

  // Throws `code` when it is not a finite number.
  float number(const std::string& key, float fallback);
  // One from `low` to `high`.
  float numberFrom(const std::string& key, float fallback, float low, float high);
  std::string word(const std::string& key, const std::string& fallback, const std::vector<std::string>& choices);
  // Any text; the caller judges it.
  std::string text(const std::string& key, const std::string& fallback, const std::string& choices);
  // A whole number from `low` to `high`.
  int whole(const std::string& key, int fallback, int low, int high);
  // Of a text that turned out to be a number, after it was asked for: what complete() says.
  void spell(const std::string& key, double value);
  // A key that the text only shows when it is given and says something else; `fallback` when it is not.
  std::string optional(const std::string& key, const std::string& choices, const std::string& fallback = "");
  bool isGiven(const std::string& key) const { return given_.contains(key); }
  bool hasAsked(const std::string& key) const;
  void finish() const;  // throws `code` when a given key was never asked for

  std::string complete(const std::string& name) const;  // "name:key=value,…", all parameters but optional ones left out
  const std::vector<ParameterInfo>& asked() const { return asked_; }

 private:
  const std::string& take(const std::string& key, const std::string& fallback, const std::string& choices);
  float asGiven(const std::string& key, float fallback);  // a number whose text stays, for errors to quote
  bool isShown(const ParameterInfo& parameter) const;

  ErrorCode code_;
  std::string subject_;
  std::map<std::string, std::string> given_, values_;
  std::vector<ParameterInfo> asked_;
  std::set<std::string> optional_;
};

// "k=v,k=v" → map; `positional` names the key of a lone value (empty: not allowed). Throws `code`.
std::map<std::string, std::string> parseKeyValues(const std::string& text, const std::string& positional,
                                                  ErrorCode code, const std::string& subject);

}  // namespace relprop
