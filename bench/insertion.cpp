// relprop_insertion MODEL... [--rounds R] [--threads T] [--batch B] [--preprocess P]
// Insertion and deletion of one picture, RISE's profile (for 224×224 pixels 2 × 225 forward passes), over as many
// forward passes of the bare engine at the same batch, measured in alternation in one process.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "arguments.h"
#include "measure.h"
#include "relprop/evaluate.h"

namespace relprop::bench {
namespace {

namespace fs = std::filesystem;

// A folder with one picture of noise, gone with the object.
class OnePicture {
 public:
  OnePicture() : folder_(fs::temp_directory_path() / fmt::format("relprop-bench-{}", std::rand())) {
    fs::create_directories(folder_);
    Image image{256, 256, std::vector<std::uint8_t>(256 * 256 * 3)};
    unsigned state = 1;
    for (std::uint8_t& v : image.pixels) v = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
    writeFile(folder_ / "noise.png", encodePng(image));
  }
  ~OnePicture() { fs::remove_all(folder_); }
  std::string spec() const { return "folder:" + folder_.string(); }

 private:
  fs::path folder_;
};

Preprocess preprocessOf(const std::string& model, const Arguments& a) {
  const fs::path beside = fs::path(model).replace_extension(".preprocess.json");
  return readPreprocess(fs::exists(beside) ? beside.string() : a.preprocess);
}

void run(const std::string& path, const Arguments& a) {
  const Model model = Model::load(path);
  const OnePicture picture;
  EvaluateOptions o;
  o.methods = {"gradient"}, o.metrics = {"id-score:profile=rise"};
  o.target = "predicted", o.preprocess = preprocessOf(path, a), o.threads = a.threads;
  if (a.batch > 0) o.batch = a.batch;
  Evaluation evaluation(model, Dataset::open(picture.spec()), o);
  ExplainOptions e;
  e.method = "gradient", e.batch = o.batch, e.threads = a.threads;
  Explainer bare(model, e);
  std::vector<double> metric, forward;
  std::int64_t passes = 0;
  for (int r = -1; r < a.rounds; ++r) {
    const Result result = evaluation.measure({{0, {true}}}).results.at(0);
    passes = 0;
    for (const Curve& curve : result.curves) passes += static_cast<std::int64_t>(curve.x.size());
    const Tensor inputs = noise(bare, passes);
    const double seconds = secondsOf([&] { bare.forward(inputs); });
    if (r < 0) continue;
    forward.push_back(seconds);
    metric.push_back(result.measureSeconds);
  }
  fmt::print("insertion and deletion, {} forward passes: {:.0f} ms; the bare engine: {:.0f} ms; {:.3f} ×\n", passes,
             median(metric) * 1e3, median(forward) * 1e3, median(metric) / median(forward));
}

}  // namespace
}  // namespace relprop::bench

int main(int argc, char** argv) {
  using namespace relprop::bench;
  return runEach(parse(argc, argv, {.batch = 0, .rounds = 5}), "relprop_insertion",
                 "[--rounds R] [--threads T] [--batch B] [--preprocess P]", run);
}
