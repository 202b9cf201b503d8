#include "inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <system_error>

#include "relprop/error.h"

namespace relprop::cli {
namespace {

namespace fs = std::filesystem;

std::string lowerExtension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

bool explainable(const fs::path& path) {
  static constexpr std::array extensions = {".jpg", ".jpeg", ".png", ".webp", ".npy"};
  return std::find(extensions.begin(), extensions.end(), lowerExtension(path)) != extensions.end();
}

Input fileInput(const fs::path& path) {
  Input input;
  input.path = path;
  input.tensor = lowerExtension(path) == ".npy";
  return input;
}

Input failedInput(const fs::path& path, const Error& error) {
  Input input = fileInput(path);
  input.failure = std::make_exception_ptr(error);
  return input;
}

// What lies in a folder: what is explained, and how much is left out. Hidden files are no part of it.
struct FolderContents {
  std::vector<fs::path> files;
  std::size_t others = 0, folders = 0, pipes = 0;

  // A picture's name makes no picture of a fifo or a device, which would be waited for.
  void add(const fs::directory_entry& entry) {
    std::error_code ignored;
    if (entry.path().filename().string().front() == '.') return;
    if (entry.is_directory(ignored))
      ++folders;
    else if (entry.is_other(ignored))
      ++pipes;
    else if (explainable(entry.path()))
      files.push_back(entry.path());
    else
      ++others;
  }
};

void noteLeftOut(const fs::path& folder, const FolderContents& contents, std::vector<std::string>& notes) {
  std::vector<std::string> parts;
  const auto add = [&](std::size_t count, const char* one, const char* several) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, count == 1 ? one : several));
  };
  add(contents.others, "file that is no JPEG, PNG, WebP or .npy by its name",
      "files that are no JPEG, PNG, WebP or .npy by their names");
  add(contents.folders, "subfolder", "subfolders");
  add(contents.pipes, "pipe or device", "pipes or devices");
  if (!parts.empty()) notes.push_back(fmt::format("{}: left out: {}", folder.string(), fmt::join(parts, ", ")));
}

std::vector<Input> folderInputs(const fs::path& folder, std::vector<std::string>& notes) {
  std::error_code failed;
  FolderContents contents;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    contents.add(*entry);
  std::vector<fs::path>& files = contents.files;
  if (failed)
    return {
        failedInput(folder, Error(ErrorCode::FileUnreadable, folder.string(), failed.message(), "a readable folder"))};
  noteLeftOut(folder, contents, notes);
  if (files.empty())
    return {failedInput(folder, Error(ErrorCode::FileNotFound, folder.string(), "no images in this folder",
                                      ".jpg, .jpeg, .png, .webp or .npy files"))};
  std::sort(files.begin(), files.end());
  std::vector<Input> inputs;
  for (const fs::path& file : files) inputs.push_back(fileInput(file));
  return inputs;
}

std::string uniqueName(const Input& input, bool shared, std::set<std::string>& taken) {
  std::string base = shared ? input.path.filename().string() : input.path.stem().string();
  std::string name = base;
  for (int counter = 2; !taken.insert(name).second; ++counter) name = fmt::format("{}-{}", base, counter);
  return name;
}

void assignNames(std::vector<Input>& inputs) {
  std::map<std::string, int> stems;
  for (const Input& input : inputs) ++stems[input.path.stem().string()];
  std::set<std::string> taken;
  for (Input& input : inputs) input.name = uniqueName(input, stems[input.path.stem().string()] > 1, taken);
}

}  // namespace

std::vector<Input> collectInputs(const std::vector<std::string>& paths, std::vector<std::string>& notes) {
  std::vector<Input> inputs;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      std::vector<Input> inside = folderInputs(path, notes);
      inputs.insert(inputs.end(), inside.begin(), inside.end());
    } else {
      inputs.push_back(fileInput(path));
    }
  }
  assignNames(inputs);
  return inputs;
}

void noteNames(const std::vector<Input>& inputs, std::vector<std::string>& notes) {
  for (const Input& input : inputs)
    if (const std::string stem = input.path.stem().string(); input.name != stem && !input.failure)
      notes.push_back(fmt::format("results of {} are named {}.…, as other inputs are called {} too",
                                  input.path.string(), input.name, stem));
}

std::vector<fs::path> pathsOf(const std::vector<Input>& inputs) {
  std::vector<fs::path> paths;
  for (const Input& input : inputs) paths.push_back(input.path);
  return paths;
}

}  // namespace relprop::cli
