// relprop_stores FOLDER [PARTS PICTURES METHODS PROTOCOLS]: what results of many processes cost who brings them
// together. Prints one line of JSON: seconds and memory of merging parts of a job array into one store, as `relprop
// merge` does, and what rank 0 of an MPI run spends on a picture (claiming it, taking its results in), by the pictures
// of a message. The values are made up; names and counts are those of an evaluation.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "relprop/error.h"
#include "relprop/store.h"

namespace {

namespace fs = std::filesystem;
using relprop::Store;
using Clock = std::chrono::steady_clock;

struct Size {
  int parts = 100, pictures = 500, methods = 36, protocols = 5;
};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double mebibytesAtMost() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

relprop::PictureFacts picture(int number) {
  relprop::PictureFacts p;
  p.model = "resnet50", p.dataset = "imagenet:val", p.picture = fmt::format("ILSVRC2012_val_{:08}", number),
  p.target = "true";
  p.file = "val/" + p.picture + ".JPEG";
  p.trueClass = p.predictedClass = p.targetClass = number % 1000;
  p.trueLabel = p.predictedLabel = p.targetLabel = fmt::format("class {}", number % 1000);
  p.targetProbability = 0.5;
  return p;
}

// Two scores a protocol: five protocols of the tables have seven.
void addResults(const relprop::PictureFacts& p, const Size& size, relprop::ResultBatch& batch) {
  for (int m = 0; m < size.methods; ++m) {
    const std::string method = fmt::format("method-{}:with=parameters", m);
    batch.maps.push_back({p.model, p.dataset, p.picture, p.target, method, 0.1, {}});
    for (int q = 0; q < size.protocols; ++q) {
      relprop::Result r;
      r.key = {p.model, p.dataset, p.picture, p.target, method, fmt::format("protocol-{}:with=parameters", q)};
      r.scores = {{"all", 1.0 / (1 + m)}, {"pos", 1.0 / (1 + q)}};
      batch.results.push_back(std::move(r));
    }
  }
}

void begin(Store& store) {
  relprop::Provenance run;
  run.version = "bench", run.host = "node", run.command = "relprop evaluate";
  store.beginRun(run);
  relprop::ModelFacts model;
  model.key = "resnet50", model.path = "resnet50.onnx";
  store.put(model);
}

void fill(Store& store, int first, int count, const Size& size) {
  begin(store);
  store.together([&] {
    for (int i = first; i < first + count; ++i) {
      relprop::ResultBatch batch;
      batch.pictures.push_back(picture(i));
      addResults(batch.pictures.back(), size, batch);
      store.write(batch);
    }
  });
}

double writeParts(const fs::path& folder, const Size& size) {
  const Clock::time_point start = Clock::now();
  for (int part = 0; part < size.parts; ++part) {
    Store store = Store::open(folder / fmt::format("part{}.db", part), Store::Access::Write);
    fill(store, part * size.pictures, size.pictures, size);
  }
  return since(start);
}

double mergeParts(const fs::path& folder, const Size& size) {
  const Clock::time_point start = Clock::now();
  Store all = Store::open(folder / "all.db", Store::Access::Write);
  for (int part = 0; part < size.parts; ++part)
    all.merge(Store::open(folder / fmt::format("part{}.db", part), Store::Access::Read));
  return since(start);
}

// What is written at once: messages of other ranks with so many pictures each.
struct Traffic {
  int messages, pictures;
};

struct Served {
  double handingOut = 0, takingIn = 0;  // milliseconds a picture
};

void claim(Store& owner, int first, int count) {
  owner.together([&] {
    for (int i = first; i < first + count; ++i) {
      const relprop::PictureFacts p = picture(i);
      owner.isSkipped(p.model, p.dataset, p.picture, p.target);
      owner.done(p.model, p.dataset, p.picture, p.target);
      owner.claim(p.model, p.dataset, p.picture, p.target);
    }
  });
}

std::vector<std::vector<std::uint8_t>> messages(int first, const Traffic& traffic, const Size& size) {
  std::vector<std::vector<std::uint8_t>> all;
  for (int m = 0; m < traffic.messages; ++m) {
    Store part = Store::inMemory();
    fill(part, first + m * traffic.pictures, traffic.pictures, size);
    all.push_back(part.bytes());
  }
  return all;
}

Served serve(const fs::path& path, const Traffic& traffic, const Size& size) {
  constexpr int kPictures = 256;
  Store owner = Store::open(path, Store::Access::Write);
  begin(owner);
  Served served;
  const int together = traffic.messages * traffic.pictures;
  for (int first = 0; first < kPictures; first += together) {
    const auto arrived = messages(first, traffic, size);
    const Clock::time_point start = Clock::now();
    Clock::time_point taken;
    owner.together([&] {
      for (const auto& message : arrived) owner.merge(Store::fromBytes(message));
      taken = Clock::now();
      for (int m = 0; m < traffic.messages; ++m) claim(owner, first + m * traffic.pictures, traffic.pictures);
    });
    served.takingIn += std::chrono::duration<double>(taken - start).count();
    served.handingOut += since(taken);  // and the disk
  }
  served.handingOut *= 1e3 / kPictures, served.takingIn *= 1e3 / kPictures;
  return served;
}

std::string rankZero(const fs::path& folder, const Size& size) {
  std::string all;
  const Size asked[] = {{0, 0, 3, 2}, {0, 0, size.methods, size.protocols}};
  for (const Size& results : asked)
    for (const Traffic& t : {Traffic{1, 1}, Traffic{64, 1}, Traffic{1, 8}, Traffic{8, 8}, Traffic{1, 64}}) {
      const fs::path path = folder / fmt::format("rank-{}-{}-{}.db", results.methods, t.messages, t.pictures);
      const Served s = serve(path, t, results);
      all += fmt::format(
          "{}{{\"methods\": {}, \"protocols\": {}, \"messages\": {}, \"pictures\": {}, \"hand_out_ms\": {:.3f}, "
          "\"take_in_ms\": {:.3f}}}",
          all.empty() ? "" : ", ", results.methods, results.protocols, t.messages, t.pictures, s.handingOut,
          s.takingIn);
    }
  return all;
}

std::string run(const fs::path& folder, const Size& size) {
  fs::create_directories(folder);
  const std::string rank = rankZero(folder, size);
  const double written = writeParts(folder, size), merged = mergeParts(folder, size);
  const double megabytes = static_cast<double>(fs::file_size(folder / "all.db")) / 1e6;
  const long results = static_cast<long>(size.parts) * size.pictures * size.methods * size.protocols;
  return fmt::format(
      "{{\"rank\": [{}], \"parts\": {}, \"results\": {}, \"write_s\": {:.1f}, \"merge_s\": {:.1f}, \"merged_mb\": "
      "{:.0f}, "
      "\"peak_mib\": {:.0f}}}\n",
      rank, size.parts, results, written, merged, megabytes, mebibytesAtMost());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 6) {
    fmt::print(stderr, "usage: relprop_stores NEW_FOLDER [PARTS PICTURES METHODS PROTOCOLS]\n");
    return 2;
  }
  Size size;
  if (argc == 6) size = {std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5])};
  try {
    fmt::print("{}", run(argv[1], size));
  } catch (const relprop::Error& error) {
    fmt::print(stderr, "relprop_stores: {}\n", error.what());
    return 1;
  }
  return 0;
}
