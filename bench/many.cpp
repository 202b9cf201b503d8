// relprop_many MODEL... [--rounds R] [--threads T] [--shape CxHxW]
// What many maps cost, as ratios measured in alternation in one process:
//   five targets of one image, from one forward pass, over one target;
//   integrated gradients of 50 steps at batch 10 over 50 × (forward + backward) of the gradient at the same batch.
// Counted in convolution passes, five targets cost (fixed + 5·backward)/(fixed + backward): 7/3 for lrp-zplus (forward,
// denominators, one pass back for each), 12/4 for rap (two back for each), 6/2 for the gradient.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>

#include "arguments.h"
#include "measure.h"
#include "relprop/explain.h"

namespace relprop::bench {
namespace {

Shape shapeFrom(const std::string& text) {
  Shape shape;
  for (char* at = const_cast<char*>(text.c_str()); *at != '\0'; at += *at == 'x')
    shape.push_back(std::strtol(at, &at, 10));
  return shape;
}

double seconds(Explainer& explainer, const Tensor& x) {
  return secondsOf([&] { explainer.explain(x); });
}

ExplainOptions options(const Arguments& a, const std::string& method) {
  ExplainOptions o;
  o.method = method, o.threads = a.threads, o.inputShape = shapeFrom(a.shape);
  return o;
}

// Medians of both, measured in turn, after one round to warm up.
std::pair<double, double> inTurn(int rounds, const std::function<double()>& first,
                                 const std::function<double()>& second) {
  std::vector<double> a, b;
  for (int r = -1; r < rounds; ++r) {
    const double x = first(), y = second();
    if (r >= 0) a.push_back(x), b.push_back(y);
  }
  return {median(a), median(b)};
}

void fiveTargets(const Model& model, const Arguments& a, const std::string& method) {
  ExplainOptions o = options(a, method);
  Explainer one(model, o);
  for (int k = 1; k < 5; ++k) o.targets.push_back(Target::rank(k));
  Explainer five(model, o);
  const Tensor x = noise(one, 1);
  const auto [single, all] = inTurn(
      a.rounds, [&] { return seconds(one, x); }, [&] { return seconds(five, x); });
  fmt::print("{:<12} one target {:8.1f} ms   five {:8.1f} ms   {:.2f} ×\n", method, single * 1e3, all * 1e3,
             all / single);
}

void integratedGradients(const Model& model, const Arguments& a) {
  ExplainOptions o = options(a, "integrated-gradients:steps=50");
  o.batch = 10;
  Explainer path(model, o);
  o.method = "gradient";
  Explainer gradient(model, o);
  const Tensor image = noise(path, 1), batch = noise(path, 10);
  const auto [integrated, ten] = inTurn(
      std::max(1, a.rounds / 3), [&] { return seconds(path, image); }, [&] { return seconds(gradient, batch); });
  fmt::print("integrated-gradients, 50 steps at batch 10: {:.1f} ms = {:.3f} × 50 (forward + backward)\n",
             integrated * 1e3, integrated / (5 * ten));
}

void run(const std::string& path, const Arguments& a) {
  const Model model = Model::load(path);
  for (const char* method : {"lrp-zplus", "rap", "gradient"}) fiveTargets(model, a, method);
  integratedGradients(model, a);
}

}  // namespace
}  // namespace relprop::bench

int main(int argc, char** argv) {
  using namespace relprop::bench;
  return runEach(parse(argc, argv, {.rounds = 9}), "relprop_many", "[--rounds R] [--threads T] [--shape CxHxW]", run);
}
