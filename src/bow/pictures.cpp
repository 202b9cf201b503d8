#include "bow/pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <thread>

#include "bow/part_file.h"
#include "core/parallel.h"
#include "relprop/error.h"

namespace relprop::bow {

namespace {

int threadsOf(int asked) {
  constexpr int most = 64;
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::clamp(asked > 0 ? asked : cores, 1, most);
}

class Looking {
 public:
  Looking(const Pass& pass, const Look& look) : pass_(pass), look_(look) {}

  // Pictures first, first + 1, …, as many as there are places in `gave`.
  void look(std::size_t first, std::vector<Gave>& gave) {
    inParallel(
        gave.size(), [&](std::size_t i) { gave[i] = one(first + i); },
        static_cast<std::size_t>(threadsOf(pass_.threads)));
  }

 private:
  Image read(std::size_t picture) {
    const std::lock_guard lock(reading_);
    return pass_.pictures.image(picture);
  }
  Gave one(std::size_t picture) {
    try {
      Looked looked;
      looked.prepared = prepareImage(read(picture), pass_.preprocess, 3, 0, 0);
      looked.height = looked.prepared.view.height, looked.width = looked.prepared.view.width;
      looked.features = localFeatures(looked.prepared.input.data.data(), looked.height, looked.width, pass_.features);
      if (looked.features.count() == 0)
        return {{}, fmt::format("no local features in {}×{} pixels", looked.height, looked.width)};
      return {look_(picture, looked), {}};
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::OutOfMemory, pass_.pictures.ids[picture], "no memory for its features");
    } catch (const Error& error) {
      if (error.code() == ErrorCode::OutOfMemory || error.code() == ErrorCode::Cancelled) throw;
      return {{}, error.what()};
    }
  }

  const Pass& pass_;
  const Look& look_;
  std::mutex reading_;
};

// A record of a picture: whether it failed, and what it gave or why not.
Bytes recordOf(const Gave& gave) {
  Bytes record = {static_cast<std::uint8_t>(gave.failure.empty() ? 0 : 1)};
  record.insert(record.end(), gave.failure.begin(), gave.failure.end());
  record.insert(record.end(), gave.bytes.begin(), gave.bytes.end());
  return record;
}

Gave ofRecord(PartFile::Record record) {
  const PartFile::Record rest = record.subspan(std::min<std::size_t>(1, record.size()));
  if (!record.empty() && record[0] == 0) return {Bytes(rest.begin(), rest.end()), {}};
  return {{}, std::string(rest.begin(), rest.end())};
}

}  // namespace

void overPictures(const Pass& pass, std::size_t first, const Look& look, const Take& take) {
  const std::size_t count = pass.pictures.ids.size();
  const auto together = static_cast<std::size_t>(2 * threadsOf(pass.threads));
  Looking looking(pass, look);
  while (true) {
    if (pass.progress && !pass.progress(static_cast<std::int64_t>(first), static_cast<std::int64_t>(count)))
      throw Error(ErrorCode::Cancelled, "pictures", fmt::format("stopped after {} of {}", first, count));
    if (first == count) return;
    std::vector<Gave> gave(std::min(together, count - first));
    looking.look(first, gave);
    for (const Gave& one : gave) take(first++, one);
  }
}

void overPicturesKept(const Pass& pass, const std::filesystem::path& kept, const std::string& key, const Look& look,
                      const Take& take) {
  std::size_t done = 0;
  PartFile file(kept, key, [&](PartFile::Record record) {
    if (done < pass.pictures.ids.size()) take(done, ofRecord(record));
    ++done;
  });
  overPictures(pass, std::min(done, pass.pictures.ids.size()), look, [&](std::size_t picture, const Gave& gave) {
    file.append(recordOf(gave));
    take(picture, gave);
  });
}

}  // namespace relprop::bow
