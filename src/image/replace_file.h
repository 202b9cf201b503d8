// Whole-or-not-at-all for what writes its file by name.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace relprop {

// Who marks the new file as one that is being written (flock), so that no other machine's process or container sweeps
// it away: `write`'s library itself, as HDF5 does, which would wait for ours, or else we for as long as it writes.
enum class WriterLock { Ours, Own };

// `write` fills a new file beside `path`, which then takes its place; it is removed when `write` throws. Devices and
// pipes are refused.
void replaceFile(const std::filesystem::path& path,
                 const std::function<void(const std::filesystem::path& temporary)>& write,
                 WriterLock lock = WriterLock::Ours);

// Throws FileUnreadable or FileNotFound, or FileWriteFailed, for an errno.
[[noreturn]] void failRead(const std::filesystem::path& path, int error);
[[noreturn]] void failWrite(const std::filesystem::path& path, int error);
// Throws OutOfMemory for an errno that says nothing about the file: there is no more of what opening and reading take.
void failIfShort(const std::filesystem::path& path, int error);
// What helps where the errno alone tells.
std::string writingHint(const std::filesystem::path& path, int error, const std::string& otherwise);

// Calls `write`; a failure that names the temporary file names the target instead, which is what people know.
void namingTarget(const std::filesystem::path& target, const std::filesystem::path& temporary,
                  const std::function<void()>& write);

// What takes a target's place takes its mode, owner and group too, where there is one: what is private stays private.
void keepAccess(const std::filesystem::path& target, const std::filesystem::path& temporary);

}  // namespace relprop
