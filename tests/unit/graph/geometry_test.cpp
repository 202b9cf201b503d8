#include "graph/geometry.h"

#include <gtest/gtest.h>

#include "graph/edit.h"
#include "graph/resize_geometry.h"
#include "relprop/error.h"

namespace relprop {
namespace {

using Ints = std::vector<std::int64_t>;

struct OneNode {
  Graph graph;
  Node node;
};

OneNode pool(const Shape& input, std::map<std::string, Attribute> attrs, Op op = Op::AveragePool) {
  OneNode one;
  one.node = makeNode("pool", op, {addDynamicValue(one.graph, "x", input)});
  one.node.attrs = std::move(attrs);
  return one;
}

ConvGeometry decode(const OneNode& one) {
  return geometryOf(one.graph, one.node);
}

TEST(Geometry, DecodesConv) {
  OneNode one =
      pool({2, 4, 9, 11}, {{"pads", Ints{1, 2, 3, 4}}, {"strides", Ints{2, 3}}, {"group", std::int64_t{2}}}, Op::Conv);
  one.node.inputs.push_back(addDynamicValue(one.graph, "w", {6, 2, 3, 5}));
  const ConvGeometry g = decode(one);
  EXPECT_EQ(g.N, 2);
  EXPECT_EQ(g.C, 4);
  EXPECT_EQ(g.O, 6);
  EXPECT_EQ(g.groups, 2);
  EXPECT_EQ(g.OH, (9 + 4 - 3) / 2 + 1);
  EXPECT_EQ(g.OW, (11 + 6 - 5) / 3 + 1);
  EXPECT_EQ(g.KH, 3);
  EXPECT_EQ(g.KW, 5);
  EXPECT_EQ(g.padTop, 1);
  EXPECT_EQ(g.padLeft, 2);
  EXPECT_EQ(g.padBottom, 3);
  EXPECT_EQ(g.padRight, 4);
}

TEST(Geometry, OneAxisIsOneRow) {
  const ConvGeometry g = decode(pool({1, 3, 10}, {{"kernel_shape", Ints{4}}, {"strides", Ints{2}}}));
  EXPECT_EQ(g.H, 1);
  EXPECT_EQ(g.KH, 1);
  EXPECT_EQ(g.OH, 1);
  EXPECT_EQ(g.W, 10);
  EXPECT_EQ(g.KW, 4);
  EXPECT_EQ(g.OW, 4);
  EXPECT_EQ(g.groups, 3);
}

TEST(Geometry, CeilModeLetsTheLastWindowHangOver) {
  const ConvGeometry g = decode(
      pool({1, 1, 6, 7}, {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"ceil_mode", std::int64_t{1}}}));
  EXPECT_EQ(g.OH, 3);
  EXPECT_EQ(g.OW, 3);
  EXPECT_EQ(g.padBottom, 1);
  EXPECT_EQ(g.padRight, 0);
  EXPECT_EQ(g.countedBottom, 0);
}

// A window that would start past the input and the padding before it is dropped.
TEST(Geometry, CeilModeDropsAWindowInThePadding) {
  const ConvGeometry g = decode(pool({1, 1, 4, 4}, {{"kernel_shape", Ints{2, 2}},
                                                    {"strides", Ints{3, 3}},
                                                    {"pads", Ints{1, 1, 1, 1}},
                                                    {"ceil_mode", std::int64_t{1}}}));
  EXPECT_EQ(g.OH, 2);
  const ConvGeometry one = decode(
      pool({1, 1, 3, 3}, {{"kernel_shape", Ints{1, 1}}, {"strides", Ints{4, 4}}, {"ceil_mode", std::int64_t{1}}}));
  EXPECT_EQ(one.OH, 1);
}

TEST(Geometry, RefusesAttributesThatDoNotFit) {
  const std::vector<std::map<std::string, Attribute>> bad = {
      {{"kernel_shape", Ints{3}}},
      {{"kernel_shape", Ints{0, 3}}},
      {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{0, 1}}},
      {{"kernel_shape", Ints{3, 3}}, {"dilations", Ints{1, -1}}},
      {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1}}},
      {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{-1, 0, 0, 0}}},
      {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{3, 0, 0, 0}}},  // the first window sees nothing
      {{"kernel_shape", Ints{3, 3}}, {"auto_pad", std::string("EVEN")}},
      {{"kernel_shape", Ints{9, 3}}},
      {{"kernel_shape", Ints{INT64_MAX, 3}}},
      {{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{INT64_MAX, 1}}},
      {{"kernel_shape", Ints{2, 2}},
       {"dilations", Ints{9, 1}},
       {"pads", Ints{4, 0, 4, 0}}},  // taps on both sides of it
  };
  for (const auto& attrs : bad) {
    try {
      decode(pool({1, 3, 4, 4}, attrs));
      ADD_FAILURE() << "accepted " << (&attrs - bad.data());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
      EXPECT_EQ(error.where(), "node 'pool' (AveragePool)");
    }
  }
}

// The time is that of the windows there are, not of the padding that a few bytes can name.
TEST(Geometry, LargePaddingCostsNothing) {
  constexpr std::int64_t kLarge = (std::int64_t{1} << 31) - 1;
  const ConvGeometry one =
      decode(pool({1, 3, 4, 4}, {{"kernel_shape", Ints{kLarge, 1}}, {"pads", Ints{kLarge - 1, 0, 0, 0}}}, Op::MaxPool));
  EXPECT_EQ(one.OH, 4);
  const ConvGeometry many = decode(pool(
      {1, 1, 8, 1}, {{"kernel_shape", Ints{kLarge, 1}}, {"pads", Ints{kLarge - 1, 0, kLarge - 1, 0}}}, Op::MaxPool));
  EXPECT_EQ(many.OH, 8 + kLarge - 1);
}

// The places of every window one by one.
bool hasEmptyWindow(std::int64_t extent, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                    std::int64_t pad) {
  const std::int64_t windows = (extent + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
  for (std::int64_t k = 0; k < windows; ++k) {
    bool inside = false;
    for (std::int64_t t = 0; t < kernel; ++t) {
      const std::int64_t at = k * stride - pad + t * dilation;
      inside = inside || (at >= 0 && at < extent);
    }
    if (!inside) return true;
  }
  return false;
}

bool isAccepted(const OneNode& one) {
  try {
    return decode(one).OH > 0;
  } catch (const Error&) {
    return false;
  }
}

TEST(Geometry, FindsEveryWindowInThePadding) {
  for (std::int64_t cases = 5 * 4 * 9 * 11 * 12, i = 0; i < cases; ++i) {
    const std::int64_t extent = 1 + i % 5, kernel = 1 + i / 5 % 4, stride = 1 + i / 20 % 9, dilation = 1 + i / 180 % 11,
                       pad = i / 1980;
    if (extent + 2 * pad < (kernel - 1) * dilation + 1) continue;
    const OneNode one = pool({1, 1, extent, 1}, {{"kernel_shape", Ints{kernel, 1}},
                                                 {"strides", Ints{stride, 1}},
                                                 {"dilations", Ints{dilation, 1}},
                                                 {"pads", Ints{pad, 0, pad, 0}}});
    ASSERT_EQ(isAccepted(one), !hasEmptyWindow(extent, kernel, stride, dilation, pad))
        << extent << " " << kernel << " " << stride << " " << dilation << " " << pad;
  }
}

// Neither does the dilation, however many windows begin in the padding.
TEST(Geometry, LargeDilationsCostNothing) {
  constexpr std::int64_t kLarge = std::int64_t{1} << 30;
  const auto dilated = [](std::int64_t extent, std::int64_t begin, std::int64_t end) {
    return pool({1, 1, 1, extent},
                {{"kernel_shape", Ints{1, 2}}, {"dilations", Ints{1, kLarge}}, {"pads", Ints{0, begin, 0, end}}},
                Op::MaxPool);
  };
  EXPECT_EQ(decode(dilated(kLarge + 1, kLarge - 1, 0)).OW, kLarge);
  EXPECT_EQ(decode(dilated(kLarge - 1, kLarge - 2, 0)).OW, kLarge - 3);
  EXPECT_THROW(decode(dilated(kLarge - 1, kLarge - 2, 1)), Error);  // the last window has a tap on either side
}

OneNode paddedConv(std::int64_t dilation, std::int64_t pad) {
  OneNode one = pool({1, 2, 1, 8},
                     {{"dilations", Ints{1, dilation}}, {"pads", Ints{0, pad, 0, pad}}, {"strides", Ints{1, dilation}}},
                     Op::Conv);
  one.node.inputs.push_back(addDynamicValue(one.graph, "w", {4, 2, 1, 3}));
  return one;
}

TEST(Geometry, RefusesPadsOfConvolutionsBeyondAnyKernel) {
  EXPECT_EQ(decode(paddedConv(512, 1024)).padLeft, 1024);
  EXPECT_EQ(decode(paddedConv(1 << 15, 1 << 16)).padLeft, 1 << 16);
  try {
    decode(paddedConv(1 << 29, 1 << 30));
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::ShapeMismatch);
    EXPECT_STREQ(error.what(), "node 'pool' (Conv): pads of 1073741824 (expected 65536 at most)");
  }
}

// What lies between windows, or taps, is nothing where there is one of them.
TEST(Geometry, DistancesOfALoneWindowAndTapAreTheLeast) {
  constexpr std::int64_t kLarge = (std::int64_t{1} << 31) - 1;
  for (const Op op : {Op::Conv, Op::MaxPool}) {
    OneNode one = pool(
        {1, 2, 5, 8}, {{"kernel_shape", Ints{3, 1}}, {"strides", Ints{kLarge, 2}}, {"dilations", Ints{2, kLarge}}}, op);
    if (op == Op::Conv) one.node.inputs.push_back(addDynamicValue(one.graph, "w", {4, 2, 3, 1}));
    const ConvGeometry g = decode(one);
    EXPECT_EQ((std::vector{g.OH, g.SH, g.DH}), (Ints{1, 1, 2}));
    EXPECT_EQ((std::vector{g.OW, g.SW, g.DW}), (Ints{4, 2, 1}));
  }
}

// Of dilated windows the first may have a tap inside and the next none.
TEST(Geometry, LaterWindowsInThePaddingAreRefused) {
  const auto dilated = [](std::int64_t stride) {
    return pool({1, 1, 1, 1}, {{"kernel_shape", Ints{2, 1}},
                               {"dilations", Ints{2, 1}},
                               {"strides", Ints{stride, 1}},
                               {"pads", Ints{2, 0, 2, 0}}});
  };
  EXPECT_THROW(decode(dilated(1)), Error);
  EXPECT_EQ(decode(dilated(2)).OH, 2);
}

// As src/engine/moves.cpp places them: of 6 places 0.17 leave one, the first, and 1.3 make 7 of 7.8.
TEST(Geometry, ResizedPlacesOfScalesThatAreNoFractions) {
  const auto taps = [](const char* coordinate, const char* mode, float scale) {
    Graph graph;
    Node node = makeNode("n", Op::Resize, {addDynamicValue(graph, "x", {1, 1, 6}), kNoValue});
    node.inputs.push_back(addFloatConstant(graph, "scales", {3}, {1, 1, scale}));
    node.attrs = {{"mode", std::string(mode)}, {"coordinate_transformation_mode", std::string(coordinate)}};
    return resizeTapsOf(node, resizeGeometryOf(graph, node), 2, 6);
  };
  const ResizeTaps one = taps("pytorch_half_pixel", "linear", 0.17f), seven = taps("align_corners", "nearest", 1.3f);
  EXPECT_EQ(one.indices, (Ints{0, 0}));
  Ints pixels;
  for (std::size_t i = 0; i < seven.weights.size(); ++i)
    if (seven.weights[i] == 1) pixels.push_back(seven.indices[i]);
  EXPECT_EQ(pixels, (Ints{0, 1, 1, 2, 3, 4, 4}));
}

}  // namespace
}  // namespace relprop
