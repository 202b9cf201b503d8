#include "result_files.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "interrupt.h"
#include "relprop/image.h"

namespace relprop::cli {

ResultFiles::ResultFiles(std::filesystem::path folder, const InputFiles& inputs)
    : folder_(std::move(folder)), longest_(longestName(folder_)) {
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder_, failed), end; !failed && entry != end;
       entry.increment(failed))
    if (inputs.holds(entry->path())) inputs_.insert(entry->path().filename().string());
}

void ResultFiles::requirePlace(const std::string& name) const {
  if (name.size() > longest_)
    throw Error(ErrorCode::FileWriteFailed, (folder_ / name).string(), fmt::format("a name of {} bytes", name.size()),
                fmt::format("at most {}", longest_), "give the input a shorter name");
  if (inputs_.contains(name))
    throw Error(ErrorCode::FileWriteFailed, (folder_ / name).string(),
                "an input of this command, which a result would destroy", "", "give another folder with --out");
}

// Made once: one that somebody takes away meanwhile takes results along, and a new one would hide that.
void ResultFiles::requireFolder() {
  std::error_code ignored;
  if (!made_)
    makeFolder(folder_);
  else if (!std::filesystem::is_directory(folder_, ignored))
    throw Error(ErrorCode::FileWriteFailed, folder_.string(), "the folder was removed or renamed meanwhile",
                "the folder that results were written to", "leave it where it is until the command has ended");
  made_ = true;
}

std::string ResultFiles::write(const std::string& name, const std::string& extension,
                               const std::vector<std::uint8_t>& bytes) {
  std::string file = name + "." + extension;
  for (int counter = 2; !written_.insert(file).second; ++counter)
    file = fmt::format("{}-{}.{}", name, counter, extension);
  requirePlace(file);
  requireFolder();
  const std::string path = (folder_ / file).string();
  const WritingGuard guard(path);
  writeFile(path, bytes);
  return path;
}

}  // namespace relprop::cli
