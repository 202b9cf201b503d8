// What the writer wrote, read by the HDF5 library.
#include "eval/hdf5_writer.h"

#include <gmock/gmock.h>

#include "eval/datasets/hdf5_file.h"
#include "relprop/error.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "unit/eval/hdf5_values.h"

namespace relprop::eval {
namespace {

using Type = Hdf5Set::Type;
using hdf5_test::Hdf5Values;
using hdf5_test::valuesOf;
using testing::ElementsAre;

TEST(Hdf5Writer, TheHdf5LibraryReadsBothTypesRowByRow) {
  const relprop::test::TemporaryFolder folder;
  const auto path = folder.write("a.h5", "");
  {
    Hdf5Writer writer(path, {{"a longer name than eight", Type::Float32, {2, 1, 3}}, {"b", Type::Unsigned32, {2}}});
    writer.add(0, std::vector<float>{1.5f, -2, 3e-30f});
    writer.add(1, std::vector<std::uint32_t>{4'000'000'000u});
    writer.add(0, std::vector<float>{4, 5, 6});
    writer.add(1, std::vector<std::uint32_t>{7});
  }
  const Hdf5Values floats = valuesOf(path, "a longer name than eight"), numbers = valuesOf(path, "b");
  EXPECT_EQ(floats.shape, (Shape{2, 1, 3}));
  EXPECT_TRUE(floats.isFloat32);
  EXPECT_THAT(floats.values, ElementsAre(1.5, -2, 3e-30f, 4, 5, 6));
  EXPECT_EQ(numbers.shape, (Shape{2}));
  EXPECT_TRUE(numbers.isUnsigned32);
  EXPECT_THAT(numbers.values, ElementsAre(4e9, 7));
}

TEST(Hdf5Writer, WhatIsMissingIsZeroAndTheFileIsAsLongAsItSays) {
  const relprop::test::TemporaryFolder folder;
  const auto path = folder.write("a.h5", "");
  { Hdf5Writer(path, {{"x", Type::Unsigned32, {3}}}).add(0, std::vector<std::uint32_t>{1}); }
  EXPECT_THAT(valuesOf(path, "x").values, ElementsAre(1, 0, 0));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_FALSE(hdf5_test::canBeOpened(path)) << "the library compares the size with the one in the file";
}

// As many sets as the group's leaf holds, each found by its name; our own reader finds them too.
TEST(Hdf5Writer, AFullGroup) {
  const relprop::test::TemporaryFolder folder;
  const auto path = folder.write("a.h5", "");
  std::vector<Hdf5Set> sets;
  for (std::size_t i = 0; i < Hdf5Writer::kMostSets; ++i)
    sets.push_back({"set " + std::to_string(i), Type::Unsigned32, {1}});
  {
    Hdf5Writer writer(path, sets);
    for (std::uint32_t i = 0; i < sets.size(); ++i) writer.add(i, std::vector<std::uint32_t>{10 + i});
  }
  const Hdf5File own(path);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    EXPECT_THAT(valuesOf(path, sets[i].name).values, ElementsAre(10.0 + static_cast<double>(i)));
    ASSERT_TRUE(own.find("/" + sets[i].name)) << i;
    const auto array = own.arrayAt(*own.find("/" + sets[i].name));
    ASSERT_TRUE(array) << i;
    EXPECT_THAT(array->sizes, ElementsAre(1));
    EXPECT_EQ(array->valueBytes, 4u);
  }
  EXPECT_FALSE(own.find("/set 9"));
}

TEST(Hdf5Writer, AFileThatCannotBeWritten) {
  const relprop::test::TemporaryFolder folder;
  const Error error = relprop::test::expectError(ErrorCode::FileWriteFailed, [&] {
    Hdf5Writer(folder / "none/a.h5", {{"x", Type::Unsigned32, {3}}});
  });
  EXPECT_EQ(error.where(), (folder / "none/a.h5").string());
}

}  // namespace
}  // namespace relprop::eval
