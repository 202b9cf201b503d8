#include "explainer/pattern_files.h"

#include <charconv>
#include <utility>

#include "explainer/prepare.h"
#include "image/npy_values.h"
#include "relprop/error.h"
#include "relprop/patterns.h"

namespace relprop {
namespace {

const char* const kHint = "such files are made with `relprop patterns`";

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

}  // namespace

void addFacts(std::map<std::string, NpyEntry>& entries, const PatternFacts& facts) {
  for (const auto& [key, text] : facts) entries.emplace(std::string(kFactPrefix) + key, npyEntry(text));
}

PatternFacts readFacts(const std::filesystem::path& path, const std::vector<std::string>& needed,
                       const std::string& hint) {
  PatternFacts facts;
  visitNpzEntries(path, [&](const NpzEntry& entry) {
    if (!entry.name.starts_with(kFactPrefix)) return;
    facts[entry.name.substr(kFactPrefix.size())] = textOf(decodeNpyValues(entry.read(), entry.where), entry.where);
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
  visitNpzEntries(path, [&](const NpzEntry& entry) {
    if (!entry.name.starts_with(kFactPrefix)) visit(entry);
  });
}

void Patterns::save(const std::filesystem::path& path) const {
  std::map<std::string, NpyEntry> entries;
  for (const auto& [node, tensor] : nodes) entries.emplace(node, npyEntry(tensor.shape, std::span(tensor.data)));
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
