#include "explainer/pattern_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/limits.h"
#include "explainer/prepare.h"
#include "image/npy_values.h"
#include "relprop/budgets.h"
#include "relprop/error.h"
#include "relprop/patterns.h"

namespace relprop {
namespace {

const char* const kHint = "such files are made with `relprop patterns`";
constexpr std::uint64_t kMostFactBytes = 64 << 10;
constexpr std::size_t kMostNameBytes = 65'000;  // an archive has 65,535, and endings follow

PatternFacts factsOf(const Patterns& p) {
  return {{"model", p.model},
          {"batchnorm", p.foldBatchNorm ? "fold" : "pass"},
          {"images", std::to_string(p.images)},
          {"silent", std::to_string(p.silent)},
          {"degenerate", std::to_string(p.degenerate)}};
}

bool foldsBatchNorm(const PatternFacts& facts, const std::filesystem::path& path) {
  const std::string& text = facts.at("batchnorm");
  if (text != "fold" && text != "pass")
    throw Error(ErrorCode::MalformedTensor, path.string(),
                "'" + text + "' in entry '" + std::string(kFactPrefix) + "batchnorm'", "fold or pass", kHint);
  return text == "fold";
}

std::string textOf(const NpyValues& bytes, const std::string& where) {
  std::string text;
  for (double byte : bytes.data) {
    if (!(byte >= 0 && byte <= 255))
      throw Error(ErrorCode::MalformedTensor, where, std::to_string(byte), "a byte of a text");
    text += static_cast<char>(static_cast<unsigned char>(byte));
  }
  return text;
}

// Nodes are kept side by side, and a number of one byte becomes one of eight: together they take no more than one entry
// may have.
std::uint64_t mostNodeBytes(const std::filesystem::path& path) {
  std::error_code failed;
  const std::uintmax_t bytes = std::filesystem::file_size(path, failed);
  const std::int64_t most = limits::withBytes(budgets().archiveBytes, limits::kArchiveBytesPerByte, failed ? 0 : bytes);
  return static_cast<std::uint64_t>(most) / sizeof(double);
}

}  // namespace

void requireEntryName(const std::string& node, ErrorCode code) {
  const auto refuse = [&](const std::string& got, const std::string& expected) {
    throw Error(code, node, got, expected, "rename the node in the network's file");
  };
  if (node.size() > kMostNameBytes)
    refuse(fmt::format("a node's name of {} bytes", node.size()),
           fmt::format("at most {} for patterns", kMostNameBytes));
  if (node.find('\0') != std::string::npos) refuse("a node's name with a byte of 0", "one without, for patterns");
  // A node's sums are entries NODE.count and others.
  if ((node + '.').starts_with(kFactPrefix))
    refuse(fmt::format("a node's name that begins with {} or is all before the dot", kFactPrefix),
           "another one: patterns are kept beside entries that begin so");
}

void addFacts(std::map<std::string, NpyEntry>& entries, const PatternFacts& facts) {
  for (const auto& [key, text] : facts) entries.emplace(std::string(kFactPrefix) + key, npyEntry(text));
}

PatternFacts readFacts(const std::filesystem::path& path, const std::vector<std::string>& needed,
                       const std::string& hint) {
  PatternFacts facts;
  visitNpzEntries(path, [&](const NpzEntry& entry) {
    if (!entry.name.starts_with(kFactPrefix)) return;
    const std::string key = entry.name.substr(kFactPrefix.size());
    if (std::find(needed.begin(), needed.end(), key) == needed.end()) return;
    if (key != "note" && entry.size > kMostFactBytes)  // a note is the caller's
      throw Error(ErrorCode::MalformedTensor, entry.where, fmt::format("{} bytes, unpacked", entry.size),
                  fmt::format("at most {}", kMostFactBytes), hint);
    facts[key] = textOf(decodeNpyValues(entry.read(), entry.where), entry.where);
  });
  for (const std::string& key : needed)
    if (!facts.count(key))
      throw Error(ErrorCode::MalformedTensor, path.string(), "no entry '" + std::string(kFactPrefix) + key + "'", "",
                  hint);
  return facts;
}

std::int64_t numberFact(const PatternFacts& facts, const std::string& key, const std::filesystem::path& path) {
  const std::string& text = facts.at(key);
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 0)
    throw Error(ErrorCode::MalformedTensor, path.string(),
                "'" + text + "' in entry '" + std::string(kFactPrefix) + key + "'", "a number");
  return value;
}

void visitNodeEntries(const std::filesystem::path& path, const NpzVisitor& visit) {
  const std::uint64_t most = mostNodeBytes(path);
  std::uint64_t used = 0;
  visitNpzEntries(path, [&](const NpzEntry& entry) {
    if (entry.name.starts_with(kFactPrefix)) return;
    if (entry.size > most - used)
      throw Error(ErrorCode::MalformedTensor, entry.where,
                  fmt::format("{} bytes, unpacked, behind {} of other nodes", entry.size, used),
                  fmt::format("at most {} of all nodes in an archive of this size", most),
                  "if the file is to be trusted, allow more (--budget archive=SIZE)");
    used += entry.size;
    visit(entry);
  });
}

void Patterns::save(const std::filesystem::path& path) const {
  std::map<std::string, NpyEntry> entries;
  for (const auto& [node, tensor] : nodes) {
    requireEntryName(node, ErrorCode::InvalidArgument);
    entries.emplace(node, npyEntry(tensor.shape, std::span(tensor.data)));
  }
  addFacts(entries, factsOf(*this));
  writeNpzEntries(path, entries);
}

Patterns Patterns::load(const std::filesystem::path& path) {
  const PatternFacts facts = readFacts(path, {"model", "batchnorm", "images", "silent", "degenerate"}, kHint);
  Patterns p;
  p.model = facts.at("model");
  p.foldBatchNorm = foldsBatchNorm(facts, path);
  p.images = numberFact(facts, "images", path);
  p.silent = numberFact(facts, "silent", path);
  p.degenerate = numberFact(facts, "degenerate", path);
  visitNodeEntries(path, [&](const NpzEntry& entry) {
    Tensor pattern = decodeNpy(entry.read(), entry.where);
    requireFinite(pattern.data.data(), static_cast<std::int64_t>(pattern.data.size()), ErrorCode::MalformedTensor,
                  entry.where.c_str(), kHint);
    p.nodes[entry.name] = std::move(pattern);
  });
  return p;
}

}  // namespace relprop
