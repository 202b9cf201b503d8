#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

// A file with this header text and these data bytes.
Bytes npyFile(const std::string& header, const Bytes& data, int version = 1) {
  Bytes file = {0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<std::uint8_t>(version), 0};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) file.push_back(static_cast<std::uint8_t>(header.size() >> 8 * i));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

std::string header(const std::string& type, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

Tensor decodedArray(const Bytes& file) {
  return decodeNpy(file, "a.npy");
}

float scalar(const std::string& type, const Bytes& data) {
  return decodedArray(npyFile(header(type, "()"), data)).data.at(0);
}

Error expectMalformed(const Bytes& file) {
  const Error error = expectError(ErrorCode::MalformedTensor, [&] { decodedArray(file); });
  EXPECT_EQ(error.where(), "a.npy");
  EXPECT_FALSE(error.expected().empty());
  return error;
}

}  // namespace

TEST(Npy, RoundTripsShapesAndBits) {
  const float nan = std::nanf("");
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{1, 3, 4, 5}, Shape{0, 4}}) {
    Tensor tensor(shape);
    for (std::size_t i = 0; i < tensor.data.size(); ++i) tensor.data[i] = i == 1 ? nan : 0.1f * static_cast<float>(i);
    const Tensor back = decodedArray(encodeNpy(tensor));
    EXPECT_EQ(back.shape, shape);
    ASSERT_EQ(back.data.size(), tensor.data.size());
    for (std::size_t i = 0; i < tensor.data.size(); ++i)
      EXPECT_EQ(std::bit_cast<std::uint32_t>(back.data[i]), std::bit_cast<std::uint32_t>(tensor.data[i]));
  }
}

TEST(Npy, EncodesAsNumpyDoes) {
  const Bytes file = encodeNpy(Tensor(Shape{1}, std::vector<float>{1.0f}));
  ASSERT_EQ(file.size(), 128u + 4u);
  EXPECT_EQ(file[127], '\n');
  const std::string text(file.begin() + 10, file.begin() + 10 + 59);
  EXPECT_EQ(text.substr(0, 58), "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } ");
  EXPECT_EQ((Bytes(file.end() - 4, file.end())), (Bytes{0, 0, 0x80, 0x3F}));
}

TEST(Npy, ReadsEveryTypeInBothByteOrders) {
  EXPECT_EQ(scalar("<f4", {0, 0, 0x20, 0xC0}), -2.5f);
  EXPECT_EQ(scalar(">f4", {0xC0, 0x20, 0, 0}), -2.5f);
  EXPECT_EQ(scalar("<f8", {0, 0, 0, 0, 0, 0, 0x04, 0xC0}), -2.5f);
  EXPECT_EQ(scalar(">f8", {0xC0, 0x04, 0, 0, 0, 0, 0, 0}), -2.5f);
  EXPECT_EQ(scalar("|u1", {200}), 200.0f);
  EXPECT_EQ(scalar("<i4", {0xFE, 0xFF, 0xFF, 0xFF}), -2.0f);
  EXPECT_EQ(scalar(">i4", {0, 0, 1, 2}), 258.0f);
  EXPECT_EQ(scalar("<i8", {0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}), -3.0f);
  EXPECT_EQ(scalar(">i8", {0, 0, 0, 0, 0, 0, 1, 0}), 256.0f);
}

TEST(Npy, ReadsHalfFloats) {
  EXPECT_EQ(scalar("<f2", {0x00, 0x3C}), 1.0f);
  EXPECT_EQ(scalar(">f2", {0xC1, 0x00}), -2.5f);
  EXPECT_EQ(scalar("<f2", {0x01, 0x00}), std::ldexp(1.0f, -24));  // the smallest subnormal
  EXPECT_EQ(scalar("<f2", {0xFF, 0x7B}), 65504.0f);
  EXPECT_TRUE(std::isinf(scalar("<f2", {0x00, 0x7C})));
  EXPECT_TRUE(std::isnan(scalar("<f2", {0x01, 0x7C})));
  EXPECT_TRUE(std::signbit(scalar("<f2", {0x00, 0x80})));
}

TEST(Npy, FortranOrderIsTurnedRowMajor) {
  const Tensor matrix = decodedArray(npyFile(header("|u1", "(2, 3)", "True"), {1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(matrix.data, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  const Tensor cube = decodedArray(npyFile(header("|u1", "(2, 2, 2)", "True"), {0, 4, 2, 6, 1, 5, 3, 7}));
  EXPECT_EQ(cube.data, (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Npy, ReadsVersionsTwoAndThree) {
  for (int version : {2, 3}) EXPECT_EQ(decodedArray(npyFile(header("|u1", "(2,)"), {7, 8}, version)).data.at(1), 8.0f);
  expectMalformed(npyFile(header("|u1", "(2,)"), {7, 8}, 4));
}

TEST(Npy, ReadsOtherSpellingsOfTheHeader) {
  const std::string other = "{\"shape\":( 2L ,),\"descr\":\"<u1\",  \"fortran_order\":False}";
  EXPECT_EQ(decodedArray(npyFile(other, {7, 8})).shape, (Shape{2}));
}

TEST(Npy, TruncatedAnywhereIsMalformed) {
  const Bytes file = encodeNpy(Tensor(Shape{2, 3}, 1.5f));
  for (std::size_t length = 0; length < file.size(); ++length)
    expectMalformed(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length)));
}

TEST(Npy, BytesBehindTheDataAreMalformed) {
  expectMalformed(npyFile(header("|u1", "(2,)"), {1, 2, 3}));
}

TEST(Npy, WrongMagicIsMalformed) {
  Bytes file = encodeNpy(Tensor(Shape{2}));
  file[1] = 'M';
  expectMalformed(file);
}

TEST(Npy, OtherTypesAreMalformedAndNamed) {
  for (const std::string type : {"|O", "<c8", "<U3", "|b1", "<u2", "<f16", "f4", "|f4", ""})
    EXPECT_NE(expectMalformed(npyFile(header(type, "(1,)"), Bytes(16))).got().find('"' + type + '"'),
              std::string::npos);
  expectMalformed(npyFile("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", Bytes(4)));
}

TEST(Npy, HugeShapesAreRefusedBeforeAllocating) {
  for (const std::string shape : {"(1099511627776,)", "(4294967296, 4294967296)", "(9223372036854775807, 9)",
                                  "(4611686018427387904, 4, 0)", "(99999999999999999999,)", "(-1,)"})
    expectMalformed(npyFile(header("<f4", shape), Bytes(8)));
}

TEST(Npy, BrokenHeadersAreMalformed) {
  for (const std::string text :
       {"", "{", "{}", "hello", "{'descr': '<f4'}", "{'descr' '<f4'}", "{'descr': '<f4",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}"})
    expectMalformed(npyFile(text, Bytes(4)));
  std::string deep = "(";
  for (int i = 0; i < 40; ++i) deep += "1,";
  expectMalformed(npyFile(header("<f4", deep + ")"), Bytes(4)));
}

TEST(Npy, IsNotMadeOfDataThatIsNotItsShape) {
  Tensor tensor(Shape{2, 3});
  for (const std::size_t count : {0u, 5u, 7u}) {
    tensor.data.resize(count);
    expectError(ErrorCode::ShapeMismatch, [&] { encodeNpy(tensor); });
  }
}

TEST(ReadNpy, ReadsFilesAndTellsMissingOnes) {
  const TemporaryFolder folder;
  writeFile(folder / "a.npy", encodeNpy(Tensor(Shape{2}, 3.0f)));
  EXPECT_EQ(readNpy(folder / "a.npy").data, (std::vector<float>{3, 3}));
  expectError(ErrorCode::FileNotFound, [&] { readNpy(folder / "b.npy"); });
}

}  // namespace relprop::test
