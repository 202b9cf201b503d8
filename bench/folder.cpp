// relprop_folder MODEL FOLDER [METHOD] [ROUNDS]
// What a photo costs `relprop explain` on a folder, decoding, preprocessing and writing included, over what it costs
// the engine alone, in alternation. The start of the program is taken out: it is run on a few photos and on all of
// them, and the difference counts. Set OMP_WAIT_POLICY=passive, as the program does for itself.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "measure.h"
#include "relprop/explain.h"
#include "relprop/image.h"

namespace relprop::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatch = 4;  // that of the program

// Elapsed and processor time, of this process or of those it ran.
struct Cost {
  double wall = 0, processor = 0;
};

double processorSeconds(int whose) {
  rusage usage{};
  getrusage(whose, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Call>
Cost costOf(int whose, Call call) {
  const double before = processorSeconds(whose);
  const double wall = secondsOf(call);
  return {wall, processorSeconds(whose) - before};
}

struct Photos {
  std::vector<fs::path> paths;

  explicit Photos(const std::string& folder) {
    for (const auto& entry : fs::directory_iterator(folder))
      if (!entry.is_directory()) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    paths.resize(paths.size() / kBatch * kBatch);
    if (paths.size() < 3 * kBatch) throw std::runtime_error("a folder with at least a dozen photos is needed");
  }
};

class Program {
 public:
  Program(std::string model, std::string method) : model_(std::move(model)), method_(std::move(method)) {}
  ~Program() { fs::remove_all(out_); }

  Cost run(const Photos& photos, std::size_t count) const {
    std::string command = fmt::format("'{}' explain '{}' --method '{}' --batch {} --quiet --out '{}'", RELPROP_PROGRAM,
                                      model_, method_, kBatch, out_.string());
    for (std::size_t i = 0; i < count; ++i) command += " '" + photos.paths[i].string() + "'";
    return costOf(RUSAGE_CHILDREN, [&] {
      if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
    });
  }

 private:
  std::string model_, method_;
  fs::path out_ = fs::temp_directory_path() / fmt::format("relprop-bench-{}", std::rand());
};

class Engine {
 public:
  Engine(const std::string& model, const std::string& method)
      : preprocess_(readPreprocess(fs::path(model).replace_extension(".preprocess.json").string())),
        explainer_(Model::load(model), options(method)) {}

  Cost explain(const Photos& photos, std::size_t first) {
    const Shape shape = explainer_.inputShape();
    Tensor input(Shape{static_cast<std::int64_t>(kBatch), shape[0], shape[1], shape[2]});
    for (std::size_t i = 0; i < kBatch; ++i) {
      const PreparedImage one =
          prepareImage(readImage(photos.paths[first + i]), preprocess_, static_cast<int>(shape[0]),
                       static_cast<int>(shape[1]), static_cast<int>(shape[2]));
      std::copy(one.input.data.begin(), one.input.data.end(),
                input.data.begin() + static_cast<std::ptrdiff_t>(i * one.input.data.size()));
    }
    return costOf(RUSAGE_SELF, [&] { explainer_.explain(input); });
  }

 private:
  ExplainOptions options(const std::string& method) const {
    ExplainOptions o;
    o.method = method, o.batch = static_cast<int>(kBatch), o.pixelRange = pixelRange(preprocess_);
    return o;
  }

  Preprocess preprocess_;
  Explainer explainer_;
};

void report(const char* what, const std::vector<double>& program, const std::vector<double>& engine) {
  fmt::print("{}: the program {:.1f} ms a photo, the engine {:.1f} ms, {:.3f} ×\n", what, median(program) * 1e3,
             median(engine) * 1e3, median(program) / median(engine));
}

void run(const std::string& model, const std::string& folder, const std::string& method, int rounds) {
  const Photos photos(folder);
  const Program program(model, method);
  Engine engine(model, method);
  engine.explain(photos, 0);
  std::vector<double> programWall, programWork, engineWall, engineWork;
  const std::size_t all = photos.paths.size();
  for (int round = 0; round < rounds; ++round) {
    const Cost few = program.run(photos, kBatch), whole = program.run(photos, all);
    const auto counted = static_cast<double>(all - kBatch);
    programWall.push_back((whole.wall - few.wall) / counted);
    programWork.push_back((whole.processor - few.processor) / counted);
    for (std::size_t first = 0; first < all; first += kBatch) {
      const Cost cost = engine.explain(photos, first);
      engineWall.push_back(cost.wall / kBatch);
      engineWork.push_back(cost.processor / kBatch);
    }
  }
  report("elapsed", programWall, engineWall);
  report("processor", programWork, engineWork);
}

}  // namespace
}  // namespace relprop::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: relprop_folder MODEL FOLDER [METHOD] [ROUNDS]\n");
    return 2;
  }
  try {
    relprop::bench::run(argv[1], argv[2], argc > 3 ? argv[3] : "rap", argc > 4 ? std::atoi(argv[4]) : 5);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "relprop_folder: {}\n", e.what());
    return 1;
  }
}
