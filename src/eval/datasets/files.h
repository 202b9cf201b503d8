// What all layouts share: looking into folders, and how a broken data set is reported.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "eval/datasets/layout.h"

namespace relprop::eval {

// Throws MalformedDataset.
[[noreturn]] void malformed(const std::filesystem::path& where, const std::string& got, const std::string& expected,
                            const std::string& hint = {});

// Throws FileNotFound, FileUnreadable.
void requireFolder(const std::filesystem::path& path);

// Their names, sorted by bytes, hidden ones left out; none for a folder that is not there. Throws FileUnreadable.
std::vector<std::string> filesIn(const std::filesystem::path& folder);
std::vector<std::string> foldersIn(const std::filesystem::path& folder);

// The same by kinds; what is no picture by its name is only counted, and pipes and devices are.
struct FolderEntries {
  std::vector<std::string> pictures, folders;
  std::size_t otherFiles = 0, pipes = 0;
};
FolderEntries entriesOf(const std::filesystem::path& folder);

bool isFile(const std::filesystem::path& path);  // and there
// The path itself. Throws FileUnreadable where it leads to a pipe or a device, which whoever reads it would wait for.
const std::filesystem::path& regularFile(const std::filesystem::path& path);
// The name itself, as a list has it. Throws MalformedDataset where it leads out of the folder that it counts from, has
// a NUL, before which the system would stop reading it, or is longer than any path.
const std::string& nameWithin(const std::string& name, const std::string& where);
// The shortest name of the same path: "./a//b/../c" → "a/c". Links are not looked at.
std::string plainName(std::string_view name);
bool isPicture(const std::filesystem::path& name);  // by its extension
std::vector<std::string> picturesIn(const std::filesystem::path& folder);
// The picture of that stem, with whichever extension is there; otherwise with the extension that the layout publishes.
std::filesystem::path pictureOf(const std::filesystem::path& folder, const std::string& stem,
                                const std::string& published);

std::optional<std::filesystem::path> firstFile(const std::vector<std::filesystem::path>& candidates);

// A note when some of the samples' files are missing. Throws MalformedDataset when all are.
void notePictures(Contents& contents, const std::filesystem::path& where,
                  const std::function<std::filesystem::path(std::size_t)>& file);
// "K of N pictures WHAT."; the samples are complete.
void noteShare(Contents& contents, const std::string& what, std::size_t count);

// A box as a corner and its sides. Throws MalformedDataset for sides below 0 and ends that are no number any more.
Box boxOfSides(double x, double y, double width, double height, const std::string& where);

// Takes the name of a picture down. Throws MalformedDataset when it is there already, perhaps spelt another way: the
// picture would count twice.
void requireFreshName(std::set<std::string>& seen, const std::string& name, const std::string& where,
                      const char* expected = "every picture once");
// Throws MalformedDataset when an id is there twice.
void requireDifferentIds(const Contents& contents, const std::filesystem::path& where);

}  // namespace relprop::eval
