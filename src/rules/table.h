// Which node gets which rule: an ordered, printable table. The first row that matches a node and whose rule may stand
// there wins; the user's rows come first.
#pragma once

#include <algorithm>
#include <string_view>

#include "rules/rule.h"

namespace relprop {

// What a row can look at.
struct NodeFacts {
  const Node* node = nullptr;
  Role role = Role::Linear;
  std::string weight;  // name of the weights, for patterns written after the training framework's parameter names
  bool first = false;  // a linear node that no linear node stands before
  bool top = false;    // a linear node that no linear node stands behind
};

struct RuleRow {
  std::string pattern;  // "first", "top", an op ("Conv"), a role in brackets ("[residual]"), or a glob over names
  Rule rule;
  bool user = false;
};

class RuleTable {
 public:
  RuleTable() = default;
  RuleTable(std::initializer_list<std::pair<const char*, std::string>> rows);
  void append(const std::string& pattern, const std::string& rule, bool user = false);
  void prepend(const std::string& pattern, const std::string& rule);
  // "PATTERN=RULE" rows of the user go in front, in their order. Throws InvalidRule.
  void prependUser(const std::vector<std::string>& rows);

  // Does a row of it? Whether any node gets that row is another question.
  bool usesPatterns() const {
    return std::any_of(rows_.begin(), rows_.end(),
                       [](const RuleRow& row) { return row.rule.linear && row.rule.terms.usesPatterns(); });
  }
  const Rule* find(const NodeFacts& facts) const;
  // Throws InvalidRule when a row of the user's matches none of these nodes.
  void requireUserRowsMatch(const std::vector<NodeFacts>& nodes) const;
  // The user's rows of which none of these rules, those of a network's nodes, is.
  std::vector<std::string> idleUserRows(const std::vector<const Rule*>& chosen) const;
  std::vector<std::string> print() const;

 private:
  std::vector<RuleRow> rows_;
};

std::vector<NodeFacts> nodeFacts(const Graph& graph);
bool globMatches(std::string_view pattern, std::string_view text);

}  // namespace relprop
