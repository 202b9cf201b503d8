// Bare layers of every form run in both directions.
#include "kernels/bare.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/record/record.h"

namespace relprop {
namespace {

LinearShape convolution(std::int64_t groups) {
  LinearShape s;
  s.n = 2, s.ic = s.oc = 32, s.ih = s.iw = s.oh = s.ow = 14;
  s.kh = s.kw = 3, s.pt = s.pl = s.pb = s.pr = 1, s.groups = groups;
  return s;
}

LinearShape dense() {
  LinearShape s;
  s.n = 2, s.ic = 64, s.oc = 10, s.dense = true;
  return s;
}

std::vector<LinearCall> calls() {
  std::vector<LinearCall> all;
  for (const auto kind : {LinearCall::Kind::Forward, LinearCall::Kind::Backward})
    for (const LinearShape& s : {convolution(1), convolution(4), convolution(32), dense()})
      all.push_back({.kind = kind, .shape = s});
  return all;
}

TEST(BareLayers, EveryCallIsTimed) {
  BareLayers bare(calls(), 1, BareType::Float32);
  for (int round = 0; round < 2; ++round) {
    const std::vector<double> seconds = bare.sweep();
    ASSERT_EQ(seconds.size(), calls().size());
    for (double s : seconds) EXPECT_GT(s, 0);
  }
}

TEST(BareLayers, MoreArithmeticTakesLonger) {
  LinearCall small{.shape = convolution(1)}, large = small;
  large.shape.n = 64;
  BareLayers bare({small, large}, 1, BareType::Float32);
  double seconds[2] = {1, 1};  // the shortest of several sweeps
  for (int round = 0; round < 5; ++round) {
    const std::vector<double> sweep = bare.sweep();
    for (std::size_t k = 0; k < 2; ++k) seconds[k] = std::min(seconds[k], sweep[k]);
  }
  EXPECT_GT(seconds[1], 4 * seconds[0]);
}

TEST(RecordingBackend, WritesDownWhatItIsAskedFor) {
  std::vector<LinearCall> calls;
  const auto backend = makeRecordingBackend(makeReferenceBackend(), calls);
  backend->linearForward({.shape = convolution(4), .weights = {}, .bias = {}});
  backend->linearBackward({.shape = dense(), .weights = {}, .bias = {}});
  backend->matmul({});
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[0].kind, LinearCall::Kind::Forward);
  EXPECT_EQ(calls[0].flops(), convolution(4).flops());
  EXPECT_EQ(calls[1].kind, LinearCall::Kind::Backward);
  EXPECT_TRUE(calls[1].shape.dense);
  EXPECT_EQ(calls[2].kind, LinearCall::Kind::Product);
  EXPECT_EQ(backend->block(), 1);
}

}  // namespace
}  // namespace relprop
