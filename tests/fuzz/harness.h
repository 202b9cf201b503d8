// What the harnesses share. A harness is a file that hands bytes to one entrance of the library, and a line in
// CMakeLists.txt. docs/fuzzing.md says how they are run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace relprop::fuzz {

using Bytes = std::span<const std::uint8_t>;

// A damaged copy that keeps the format's structure; nothing where there is none to keep.
using StructuredDamage = std::optional<std::vector<std::uint8_t>> (*)(Bytes, std::mt19937&);

// One a file: `const Harness npyHarness("npy", run);`. Whatever a run throws ends the program, and so does a fault.
struct Harness {
  Harness(const char* name, void (*run)(Bytes), StructuredDamage damage = nullptr);
  const char* name;
  void (*run)(Bytes);
  StructuredDamage damage;
};
// Throws std::out_of_range.
const Harness& harnessCalled(const std::string& name);

// A result, or an Error that says where: anything else is a defect. An Error with the code Internal is one too.
void expectResultOrError(const std::function<void()>& reading);

std::string textOf(Bytes bytes);
inline std::vector<std::uint8_t> copyOf(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

// Several files as one input: lines "@@@ NAME", each followed by what the file holds.
struct Part {
  std::string name;  // harmless as a path in a folder, and not empty
  Bytes bytes;
};
std::vector<Part> partsOf(Bytes bytes);
void appendPart(std::vector<std::uint8_t>& bytes, const std::string& name, Bytes content);
// The input with another content in place of that of one of its parts.
std::vector<std::uint8_t> withPart(Bytes bytes, Bytes part, Bytes other);

// One folder for the whole process, empty again after each call.
std::filesystem::path emptyFolder();
std::filesystem::path written(const std::filesystem::path& folder, const std::string& name, Bytes bytes);
void writeParts(const std::filesystem::path& folder, const std::vector<Part>& parts);
// The parts as a zip archive, or the bytes themselves where they begin as one does.
std::filesystem::path writtenArchive(const std::filesystem::path& folder, const std::string& name, Bytes bytes);

}  // namespace relprop::fuzz
