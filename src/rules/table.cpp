#include "rules/table.h"

#include <algorithm>

#include "relprop/error.h"

namespace relprop {
namespace {

bool isPrefix(std::string_view pattern, std::string_view text) {
  return pattern.size() <= text.size() &&
         std::equal(pattern.begin(), pattern.end(), text.begin(), [](char p, char t) { return p == '?' || p == t; });
}

// Names as exporters write them ("/layer4/layer4.0/conv1/Conv") and as people do ("layer4.0.conv1"): the pattern fits
// the name or what is behind one of its slashes. Behind a first star there is most room at the first place where what
// is before the star fits, so that one decides; names may have as many slashes as a file has bytes.
bool nameMatches(std::string_view pattern, std::string_view name) {
  if (globMatches(pattern, name)) return true;
  const std::string_view start = pattern.substr(0, pattern.find('*'));
  for (std::size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    const std::string_view part = name.substr(slash + 1);
    if (isPrefix(start, part) && (start.size() < pattern.size() || start.size() == part.size()))
      return globMatches(pattern, part);
  }
  return false;
}

bool matches(const RuleRow& row, const NodeFacts& facts) {
  if (!row.rule.fits(facts.role)) return false;
  if (row.pattern == "first") return facts.first;
  if (row.pattern == "top") return facts.top;
  if (row.pattern == std::string("[") + roleName(facts.role) + "]") return true;
  if (row.pattern == opName(facts.node->op)) return true;
  // A preset's "Div" means divisions: what a pass made a Mul of may still be called "/act/Div".
  Op op;
  if (!row.user && (row.pattern.starts_with('[') || opFromName(row.pattern, op))) return false;
  return nameMatches(row.pattern, facts.node->name) ||
         (!facts.weight.empty() && nameMatches(row.pattern, facts.weight));
}

RuleRow userRow(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw Error(ErrorCode::InvalidRule, "--rule", "'" + text + "'", "PATTERN=RULE, such as layer4.*=gamma:0.5");
  return {text.substr(0, equals), parseRule(text.substr(equals + 1)), true};
}

// Marks linear nodes that can be reached from `start` without passing another one.
void markFrontier(const Graph& graph, const std::vector<std::vector<int>>& next, std::vector<int> open,
                  std::vector<bool>& frontier) {
  std::vector<bool> seen(graph.nodes.size());
  while (!open.empty()) {
    const int i = open.back();
    open.pop_back();
    const auto k = static_cast<std::size_t>(i);
    if (seen[k]) continue;
    seen[k] = true;
    if (roleOf(graph, graph.nodes[k]) == Role::Linear)
      frontier[k] = true;
    else
      open.insert(open.end(), next[k].begin(), next[k].end());
  }
}

}  // namespace

bool globMatches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

RuleTable::RuleTable(std::initializer_list<std::pair<const char*, std::string>> rows) {
  for (const auto& [pattern, rule] : rows) append(pattern, rule);
}

void RuleTable::append(const std::string& pattern, const std::string& rule, bool user) {
  rows_.push_back({pattern, parseRule(rule), user});
}

void RuleTable::prepend(const std::string& pattern, const std::string& rule) {
  rows_.insert(rows_.begin(), {pattern, parseRule(rule), false});
}

void RuleTable::prependUser(const std::vector<std::string>& rows) {
  std::vector<RuleRow> all;
  for (const std::string& row : rows) all.push_back(userRow(row));
  all.insert(all.end(), rows_.begin(), rows_.end());
  rows_ = std::move(all);
}

const Rule* RuleTable::find(const NodeFacts& facts) const {
  for (const RuleRow& row : rows_)
    if (matches(row, facts)) return &row.rule;
  return nullptr;
}

void RuleTable::requireUserRowsMatch(const std::vector<NodeFacts>& nodes) const {
  for (const RuleRow& row : rows_) {
    const bool any = std::any_of(nodes.begin(), nodes.end(), [&](const NodeFacts& f) { return matches(row, f); });
    if (row.user && !any)
      throw Error(ErrorCode::InvalidRule, "--rule",
                  row.pattern + "=" + row.rule.text + " matches no node it can stand at",
                  "a glob over node or weight names, an op, first or top", "`relprop inspect MODEL` lists the names");
  }
}

std::vector<std::string> RuleTable::idleUserRows(const std::vector<const Rule*>& chosen) const {
  std::vector<std::string> idle;
  for (const RuleRow& row : rows_)
    if (row.user && std::find(chosen.begin(), chosen.end(), &row.rule) == chosen.end())
      idle.push_back(row.pattern + "=" + row.rule.text);
  return idle;
}

std::vector<std::string> RuleTable::print() const {
  std::vector<std::string> lines;
  for (const RuleRow& row : rows_) lines.push_back(row.pattern + " = " + row.rule.text + (row.user ? "  (user)" : ""));
  return lines;
}

std::vector<NodeFacts> nodeFacts(const Graph& graph) {
  const Uses uses = usesOf(graph);
  const std::size_t count = graph.nodes.size();
  std::vector<std::vector<int>> before(count), behind(count);
  std::vector<int> fromInput, fromOutput;
  for (std::size_t i = 0; i < count; ++i)
    for (ValueId id : graph.nodes[i].inputs) {
      if (id == kNoValue || graph.isConstant(id)) continue;
      const int producer = uses.producer[static_cast<std::size_t>(id)];
      if (producer < 0)
        fromInput.push_back(static_cast<int>(i));
      else
        before[i].push_back(producer), behind[static_cast<std::size_t>(producer)].push_back(static_cast<int>(i));
    }
  const int last = uses.producer[static_cast<std::size_t>(graph.outputs.at(0))];
  if (last >= 0) fromOutput.push_back(last);
  std::vector<bool> first(count), top(count);
  markFrontier(graph, behind, fromInput, first);
  markFrontier(graph, before, fromOutput, top);
  std::vector<NodeFacts> facts;
  for (std::size_t i = 0; i < count; ++i) {
    const Node& n = graph.nodes[i];
    const Role role = roleOf(graph, n);
    facts.push_back({&n, role, role == Role::Linear ? graph.value(n.inputs[1]).name : "", first[i], top[i]});
  }
  return facts;
}

}  // namespace relprop
