#include "relprop/npz.h"

#include <sys/mount.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "image/npy_values.h"
#include "image/npz_entries.h"
#include "relprop/budgets.h"
#include "unit/image/support.h"

namespace relprop::test {

namespace {

using Tensors = std::map<std::string, Tensor>;

std::uint32_t checksum(const Bytes& bytes) {
  std::uint32_t crc = ~0u;
  for (std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

void appendAll(Bytes& to, const Bytes& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void number(Bytes& to, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) to.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

// One block of deflate that holds its bytes as they are.
Bytes deflated(const Bytes& bytes) {
  Bytes out = {1};
  number(out, bytes.size(), 2);
  number(out, bytes.size() ^ 0xFFFF, 2);
  appendAll(out, bytes);
  return out;
}

struct Entry {
  std::string name;
  Bytes content;
  bool deflate = false;
  int flags = 0;
  std::uint32_t crcError = 0;
  std::uint64_t sizeError = 0;
};

// What the local header and the directory both say of an entry, from the flags to the checksum.
void common(Bytes& to, const Entry& e) {
  number(to, static_cast<std::uint64_t>(e.flags), 2);
  number(to, e.deflate ? 8 : 0, 2);
  number(to, 0x00210000, 4);  // midnight of the first of January 1980
  number(to, checksum(e.content) ^ e.crcError, 4);
}

// An archive as numpy.savez and numpy.savez_compressed write it: the sizes in local headers are in a zip64 field.
Bytes numpyArchive(const std::vector<Entry>& entries) {
  Bytes file, directory;
  for (const Entry& e : entries) {
    const Bytes packed = e.deflate ? deflated(e.content) : e.content;
    const std::size_t offset = file.size(), size = e.content.size() + e.sizeError;
    number(file, 0x04034B50, 4), number(file, 45, 2), common(file, e);
    number(file, 0xFFFFFFFFFFFFFFFF, 8), number(file, e.name.size(), 2), number(file, 20, 2);
    appendAll(file, Bytes(e.name.begin(), e.name.end()));
    number(file, 1, 2), number(file, 16, 2), number(file, size, 8), number(file, packed.size(), 8);
    appendAll(file, packed);
    number(directory, 0x02014B50, 4), number(directory, 0x032D, 2), number(directory, 45, 2), common(directory, e);
    number(directory, packed.size(), 4), number(directory, size, 4), number(directory, e.name.size(), 2);
    number(directory, 0, 8), number(directory, 0600u << 16, 4), number(directory, offset, 4);
    appendAll(directory, Bytes(e.name.begin(), e.name.end()));
  }
  const std::size_t start = file.size();
  appendAll(file, directory);
  number(file, 0x06054B50, 4), number(file, 0, 4), number(file, entries.size(), 2), number(file, entries.size(), 2);
  number(file, directory.size(), 4), number(file, start, 4), number(file, 0, 2);
  return file;
}

Bytes npy(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return encodeNpy(Tensor(Shape{count}, std::move(values)));
}

void expectSame(const Tensors& got, const Tensors& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(got.count(name)) << name;
    EXPECT_EQ(got.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(got.at(name).data, tensor.data) << name;
  }
}

class Npz : public testing::Test {
 protected:
  Tensors read(const Bytes& archive) {
    writeFile(path_, archive);
    return readNpz(path_);
  }
  Error expectMalformed(const Bytes& archive) {
    const Error e = expectError(ErrorCode::MalformedTensor, [&] { read(archive); });
    EXPECT_EQ(e.where().rfind(path_.string(), 0), 0u) << e.what();
    return e;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "a.npz";
};

TEST_F(Npz, RoundTripsNamesShapesAndValues) {
  const Tensors tensors = {{"plain", Tensor({2, 3}, 1.5f)},
                           {"/layer1/conv.0/Conv", Tensor({1, 2, 1, 2}, std::vector<float>{1, -2, 3e-40f, 3e38f})},
                           {"naïve", Tensor({0, 4})},
                           {"", Tensor(Shape{}, 7.0f)}};
  writeNpz(path_, tensors);
  expectSame(readNpz(path_), tensors);
  EXPECT_EQ(folder_.entries(), 1) << "nothing is left beside it";
}

TEST_F(Npz, IsNotMadeOfDataThatIsNotItsShape) {
  Tensor tensor(Shape{2, 3});
  tensor.data.resize(5);
  expectError(ErrorCode::ShapeMismatch, [&] { writeNpz(path_, {{"a", tensor}}); });
  EXPECT_EQ(folder_.entries(), 0);
}

TEST_F(Npz, AnArchiveOfNothing) {
  writeNpz(path_, {});
  EXPECT_TRUE(readNpz(path_).empty());
}

TEST_F(Npz, EqualTensorsMakeEqualFiles) {
  const Tensors tensors = {{"a", Tensor({3}, 1.0f)}, {"b", Tensor({2}, 2.0f)}};
  writeNpz(path_, tensors);
  writeNpz(folder_ / "b.npz", tensors);
  EXPECT_EQ(readFile(path_), readFile(folder_ / "b.npz"));
}

TEST_F(Npz, EntriesAreStoredNpyFiles) {
  writeNpz(path_, {{"a", Tensor({3}, 1.0f)}});
  const Bytes file = readFile(path_), entry = npy({1, 1, 1});
  EXPECT_NE(std::search(file.begin(), file.end(), entry.begin(), entry.end()), file.end());
}

TEST_F(Npz, ReadsWhatNumpyWrites) {
  const Tensors expected = {{"a", Tensor({2}, std::vector<float>{1, 2})}, {"b", Tensor({1}, 3.0f)}};
  for (const bool deflate : {false, true})
    expectSame(read(numpyArchive({{"a.npy", npy({1, 2}), deflate}, {"b.npy", npy({3}), deflate}})), expected);
}

TEST_F(Npz, CutAnywhereItIsMalformed) {
  writeNpz(path_, {{"a", Tensor({20}, 1.0f)}, {"b", Tensor({3}, 2.0f)}});
  const Bytes whole = readFile(path_);
  for (std::size_t length = 0; length < whole.size(); length += 7)
    expectMalformed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
  expectMalformed(Bytes(whole.begin(), whole.end() - 1));
}

TEST_F(Npz, AByteThatFlippedIsFoundAndItsEntryNamed) {
  const Bytes whole = numpyArchive({{"a.npy", npy({1, 2})}, {"b.npy", npy({3, 4})}});
  const Bytes content = npy({3, 4});
  const auto at = std::search(whole.begin(), whole.end(), content.begin(), content.end()) - whole.begin();
  for (const std::size_t inside : {std::size_t{0}, std::size_t{40}, content.size() - 1}) {
    Bytes broken = whole;
    broken[static_cast<std::size_t>(at) + inside] ^= 4;
    const Error e = expectMalformed(broken);
    EXPECT_NE(e.where().find("entry 'b.npy'"), std::string::npos) << e.what();
  }
}

TEST_F(Npz, EntriesThatContradictThemselves) {
  const auto where = [&](const Entry& e) { return expectMalformed(numpyArchive({{"a.npy", npy({1})}, e})).where(); };
  for (const bool deflate : {false, true}) {
    EXPECT_NE(where({"b.npy", npy({1, 2}), deflate, 0, 1}).find("'b.npy'"), std::string::npos) << "checksum";
    for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{1} << 30})
      EXPECT_NE(where({"b.npy", npy({1, 2}), deflate, 0, 0, size}).find("'b.npy'"), std::string::npos) << "size";
  }
  EXPECT_NE(where({"b.npy", npy({1, 2}), false, 1}).find("'b.npy'"), std::string::npos) << "encrypted";
}

// An entry that announces what deflate could make of its bytes: believed within the budget, and then found wanting.
TEST_F(Npz, AnEntryAtTheEdgeOfItsBudget) {
  const Bytes archive = numpyArchive({{"a.npy", npy(std::vector<float>(100)), true, 0, 0, 400'000}});
  const auto announced = static_cast<std::int64_t>(npy(std::vector<float>(100)).size() + 400'000);
  const std::int64_t needed = announced - 16 * static_cast<std::int64_t>(archive.size());
  ASSERT_GT(needed, 1);
  setBudgets({.archiveBytes = needed - 1});
  const Error e = expectMalformed(archive);
  EXPECT_EQ(e.got(), std::to_string(announced) + " bytes, unpacked");
  EXPECT_EQ(e.expected(), "at most " + std::to_string(announced - 1) + " in an archive of this size");
  EXPECT_NE(e.hint().find("--budget archive"), std::string::npos);
  setBudgets({.archiveBytes = needed});
  EXPECT_EQ(expectMalformed(archive).got().find("unpacked"), std::string::npos);
  setBudgets({});
  EXPECT_EQ(expectMalformed(archive).got().find("unpacked"), std::string::npos);
}

TEST_F(Npz, EntriesThatAreNoTensors) {
  EXPECT_NE(expectMalformed(numpyArchive({{"a.npy", {1, 2, 3}}})).where().find("'a.npy'"), std::string::npos);
  EXPECT_NE(expectMalformed(numpyArchive({{"notes.txt", {1, 2, 3}}})).where().find("'notes.txt'"), std::string::npos);
}

TEST_F(Npz, TwoEntriesOfOneName) {
  EXPECT_NE(expectMalformed(numpyArchive({{"a.npy", npy({1})}, {"a.npy", npy({2})}})).got().find("second"),
            std::string::npos);
}

TEST_F(Npz, OtherFilesAreNoArchives) {
  expectMalformed({});
  expectMalformed(npy({1, 2, 3}));
  expectMalformed(Bytes(100000, 'P'));
}

TEST_F(Npz, MissingFilesAndFolders) {
  expectError(ErrorCode::FileNotFound, [&] { readNpz(folder_ / "missing.npz"); });
  expectError(ErrorCode::FileNotFound, [&] { readNpz(""); });
  expectError(ErrorCode::FileUnreadable, [&] { readNpz(folder_.path()); });
  expectError(ErrorCode::FileWriteFailed, [&] { writeNpz(folder_ / "no" / "a.npz", {{"a", Tensor({1})}}); });
  expectError(ErrorCode::FileWriteFailed, [&] { writeNpz(folder_.path(), {{"a", Tensor({1})}}); });
  expectError(ErrorCode::FileWriteFailed, [&] { writeNpz("/dev/null", {{"a", Tensor({1})}}); });
}

TEST_F(Npz, AFullDiskKeepsTheOldFileAndNoPart) {
  const std::filesystem::path disk = folder_ / "disk";
  std::filesystem::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "no small disk can be mounted here";
  writeNpz(disk / "a.npz", {{"a", Tensor({1}, 5.0f)}});
  const Error e = expectError(ErrorCode::FileWriteFailed, [&] {
    writeNpz(disk / "a.npz", {{"a", Tensor({1 << 18})}});
  });
  EXPECT_NE(e.hint().find("room"), std::string::npos) << e.what();
  EXPECT_EQ(readNpz(disk / "a.npz").at("a").data, (std::vector<float>{5}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(disk), std::filesystem::directory_iterator{}), 1);
  ::umount(disk.c_str());
}

TEST_F(Npz, DoublesAndTextsKeepEveryBit) {
  const std::vector<double> values = {std::numbers::pi, -1e300, 5e-324, 0.1};
  writeNpzEntries(path_, {{"v", npyEntry({2, 2}, std::span(values))}, {"t", npyEntry("xxh3:é")}});
  std::map<std::string, NpyValues> got;
  visitNpzEntries(path_, [&](const NpzEntry& entry) { got[entry.name] = decodeNpyValues(entry.read(), entry.where); });
  EXPECT_EQ(got.at("v").shape, (Shape{2, 2}));
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(std::bit_cast<std::uint64_t>(got.at("v").data[i]), std::bit_cast<std::uint64_t>(values[i]));
  std::string text;
  for (const double byte : got.at("t").data) text += static_cast<char>(static_cast<unsigned char>(byte));
  EXPECT_EQ(text, "xxh3:é");
}

}  // namespace
}  // namespace relprop::test
