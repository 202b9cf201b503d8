// Threads of the host explain at once, each with its own Explainer over one Model. tools/checks/threads builds this
// file with ThreadSanitizer.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <thread>
#include <vector>

#include "unit/explainer/example.h"

namespace relprop::test {
namespace {

// Relevance, and the logits of a forward pass: compiling included, which is where weights are packed.
std::vector<float> results(const ExplainOptions& options) {
  Explainer explainer(exampleModel(), options);
  std::vector<float> all;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const Tensor picture = noisePicture(explainer.inputShape(), seed);
    for (const Explanation& e : explainer.explain(picture))
      all.insert(all.end(), e.relevance.data.begin(), e.relevance.data.end());
    const Tensor logits = explainer.forward(picture);
    all.insert(all.end(), logits.data.begin(), logits.data.end());
  }
  return all;
}

bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return !a.empty() && a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void expectSameAtOnce(const std::array<ExplainOptions, 2>& options) {
  std::array<std::vector<float>, 2> alone, together;
  for (std::size_t k = 0; k < 2; ++k) alone[k] = results(options[k]);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < 2; ++k) threads.emplace_back([&, k] { together[k] = results(options[k]); });
  for (std::thread& t : threads) t.join();
  for (std::size_t k = 0; k < 2; ++k) EXPECT_TRUE(sameBits(alone[k], together[k])) << options[k].method;
}

TEST(ThreadsOfTheHost, ExplainAtOnceAsOneAfterTheOther) {
  expectSameAtOnce({byThreads(1, "rap"), byThreads(1, "rap")});
  expectSameAtOnce({byThreads(1, "lrp-gamma"), byThreads(1, "integrated-gradients:steps=4")});
}

TEST(ThreadsOfTheHost, MayHaveTeamsOfTheirOwn) {
  expectSameAtOnce({byThreads(2, "rap"), byThreads(3, "lrp-zplus")});
}

}  // namespace
}  // namespace relprop::test
