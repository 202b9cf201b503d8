// A folder that is whole or as it was before.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace relprop::eval {

// Files are written into a folder beside the target, which takes its place at commit(). What lies there is replaced
// only when it is a report and holds nothing else; of several processes that write there at once the last one wins.
class FolderWriter {
 public:
  // Throws InvalidArgument (something else lies there), FileWriteFailed.
  explicit FolderWriter(const std::filesystem::path& target);
  FolderWriter(const FolderWriter&) = delete;
  FolderWriter& operator=(const FolderWriter&) = delete;
  ~FolderWriter();

  // `name` is relative, with at most one folder in front.
  void write(const std::string& name, const std::string& text);
  void write(const std::string& name, const std::vector<std::uint8_t>& bytes);
  void commit();

 private:
  std::filesystem::path placeFor(const std::string& name);
  template <class Content>
  void put(const std::string& name, const Content& content);
  void claim();
  void mark() const;
  std::error_code takePlace();
  void discard() const;

  std::filesystem::path target_, temporary_;
  std::set<std::string> names_;
  std::optional<mode_t> mode_;  // of what lay at the target when it began
  int lock_ = -1;
};

}  // namespace relprop::eval
