#include "image/zip_archive.h"

#include <gtest/gtest.h>

#include <map>

#include "unit/image/support.h"

namespace relprop::test {

TEST(ZipArchive, PartsMayBeEmptyAtEitherEnd) {
  const TemporaryFolder folder;
  const Bytes some = {1, 2, 3};
  writeZip(folder / "a.zip", {{"both", {7}, some}, {"data", {}, some}, {"start", {8, 9}, {}}, {"nothing", {}, {}}});
  std::map<std::string, Bytes> read;
  visitZip(folder / "a.zip", {ErrorCode::MalformedTensor, "an archive"},
           [&](const ZipEntry& entry) { read[entry.name] = entry.read(); });
  const std::map<std::string, Bytes> expected = {
      {"both", {7, 1, 2, 3}}, {"data", {1, 2, 3}}, {"start", {8, 9}}, {"nothing", {}}};
  EXPECT_EQ(read, expected);
}

}  // namespace relprop::test
