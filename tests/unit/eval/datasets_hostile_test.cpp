// Data sets that somebody made to cost time or memory, or to show files that are none of theirs.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>

#include "eval/datasets/coco_segments.h"
#include "eval/datasets/files.h"
#include "eval/datasets/lists.h"
#include "relprop/dataset.h"
#include "unit/eval/dataset_files.h"

namespace relprop::dataset_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// ---- MATLAB files

// Bytes of HDF5 at addresses of one's own, which its library does not write.
class RawMat {
 public:
  static constexpr std::uint64_t kData = 1 << 16;  // free from here on

  RawMat() {
    put(0, "\x89HDF\r\n\x1a\n");
    put(13, Bytes{8, 8});
    put(64, number(128, 8));
    put(128, object({message(17, number(512, 8) + number(768, 8))}));
    put(256, object({message(17, number(1536, 8) + number(1792, 8))}));
    group(512, {{"value", 256}});
    group(1536, {{"img", 4096}, {"gt", 4352}, {"id", 4608}});
  }

  static std::string number(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
    return text;
  }
  static std::string message(int type, const std::string& body) {
    return number(static_cast<std::uint64_t>(type), 2) + number(body.size(), 2) + std::string(4, '\0') + body;
  }
  static std::string object(const std::vector<std::string>& messages) {
    std::string all;
    for (const std::string& one : messages) all += one;
    return number(1, 2) + number(messages.size(), 2) + number(1, 4) + number(all.size(), 8) + all;
  }
  // What an array's header says: sizes, type and where its values lie.
  static std::vector<std::string> array(const std::vector<std::uint64_t>& sizes, const std::string& type,
                                        const std::string& layout) {
    std::string space = number(1, 1) + number(sizes.size(), 1) + std::string(6, '\0');
    for (const std::uint64_t size : sizes) space += number(size, 8);
    return {message(1, space), message(3, type), message(8, layout)};
  }
  static std::string unsignedType(int bytes) { return number(0x10, 4) + number(static_cast<std::uint64_t>(bytes), 4); }
  static std::string whole(std::uint64_t at, std::uint64_t bytes) {
    return number(3, 1) + number(1, 1) + number(at, 8) + number(bytes, 8);
  }

  void put(std::uint64_t at, const std::string& text) { put(at, Bytes(text.begin(), text.end())); }
  void put(std::uint64_t at, const Bytes& bytes) {
    bytes_.resize(std::max<std::size_t>(bytes_.size(), at + bytes.size() + 64));
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  // The references of /value/img, gt and id.
  void field(std::uint64_t object, const std::vector<std::uint64_t>& references) {
    std::string values;
    for (const std::uint64_t one : references) values += number(one, 8);
    const std::uint64_t at = 8192 + (object - 4096) * 32;
    put(object, RawMat::object(array({references.size()}, number(0x17, 4) + number(8, 4), whole(at, values.size()))));
    put(at, values);
  }
  Dataset opened(const Tree& tree) const {
    tree.write("a.mat", bytes_);
    return open("imagenet-segmentation", tree / "a.mat");
  }

 private:
  void group(std::uint64_t at, const std::vector<std::pair<std::string, std::uint64_t>>& members) {
    std::string names, entries;
    for (const auto& [name, object] : members) {
      entries += number(names.size(), 8) + number(object, 8) + std::string(24, '\0');
      names += name + '\0';
    }
    put(at, "TREE" + number(0, 2) + number(1, 2) + std::string(24, '\0') + number(at + 512, 8));
    put(at + 256, "HEAP" + std::string(20, '\0') + number(at + 288, 8) + names);
    put(at + 512, "SNOD" + number(1, 2) + number(members.size(), 2) + entries);
  }

  Bytes bytes_;
};

// A header whose parts are one part, named again and again.
TEST(HostileMat, HeadersDoNotLieOverThemselves) {
  for (const std::uint64_t shift : {0, 8}) {
    const Tree tree;
    RawMat mat;
    const auto further = [&](std::uint64_t from) {
      return RawMat::message(16, RawMat::number(from, 8) + RawMat::number(1024, 8));
    };
    std::vector<std::string> name = RawMat::array({1}, RawMat::unsignedType(2), RawMat::whole(6000, 2));
    name.insert(name.end(), {further(RawMat::kData), further(RawMat::kData + shift)});
    mat.put(5120, RawMat::object(name));
    mat.put(6000, "A");
    mat.put(RawMat::kData, Bytes(2048));
    for (const std::uint64_t object : {4096, 4352, 4608}) mat.field(object, {5120});
    const Error error = expectError(ErrorCode::MalformedDataset, [&] { mat.opened(tree); });
    EXPECT_EQ(error.got(), "nothing that can be read");
  }
}

// Names of their own, whose headers go on in the same 60,000 bytes.
TEST(HostileMat, HeadersDoNotLieOverOneAnother) {
  const Tree tree;
  RawMat mat;
  constexpr std::uint64_t many = 200, shared = 60'000;
  std::vector<std::uint64_t> objects;
  for (std::uint64_t i = 0; i < many; ++i) {
    const std::uint64_t at = RawMat::kData + shared + i * 256;
    std::vector<std::string> name = RawMat::array({2}, RawMat::unsignedType(2), RawMat::whole(at + 240, 4));
    name.push_back(RawMat::message(16, RawMat::number(RawMat::kData, 8) + RawMat::number(shared, 8)));
    mat.put(at, RawMat::object(name));
    mat.put(at + 240, Bytes{static_cast<std::uint8_t>('A' + i / 20), 0, static_cast<std::uint8_t>('A' + i % 20), 0});
    objects.push_back(at);
  }
  for (const std::uint64_t object : {4096, 4352, 4608}) mat.field(object, objects);
  expectError(ErrorCode::MalformedDataset, [&] { mat.opened(tree); });
}

struct Chunked {
  std::vector<std::uint64_t> sizes, chunk, starts;  // the last: along the first axis
  int level = 9;                                    // of deflate
};

// Why a picture of such chunks, which all lie in the same place, is refused; empty where it is read.
std::string refusalOf(const Chunked& chunked) {
  const Tree tree;
  RawMat mat;
  Bytes values(chunked.chunk[0] * chunked.chunk[1]);
  uLongf length = compressBound(values.size());
  Bytes packed(length);
  EXPECT_EQ(compress2(packed.data(), &length, values.data(), values.size(), chunked.level), Z_OK);
  packed.resize(length);
  const std::uint64_t blob = RawMat::kData + 64 + chunked.starts.size() * 40;
  std::string index = "TREE" + RawMat::number(1, 2) + RawMat::number(chunked.starts.size(), 2) + std::string(16, '\0');
  for (const std::uint64_t start : chunked.starts)
    index += RawMat::number(length, 8) + RawMat::number(start, 8) + std::string(16, '\0') + RawMat::number(blob, 8);
  const std::string layout = RawMat::number(0x30203, 3) + RawMat::number(RawMat::kData, 8) +
                             RawMat::number(chunked.chunk[0], 4) + RawMat::number(chunked.chunk[1], 4) +
                             RawMat::number(1, 4);
  std::vector<std::string> picture = RawMat::array(chunked.sizes, RawMat::unsignedType(1), layout);
  picture.push_back(RawMat::message(11, RawMat::number(0x101, 8) + RawMat::number(1, 8)));
  mat.put(5120, RawMat::object(picture));
  mat.put(RawMat::kData, index);
  mat.put(blob, packed);
  mat.put(6000, "A");
  mat.put(5632, RawMat::object(RawMat::array({1}, RawMat::unsignedType(2), RawMat::whole(6000, 2))));
  for (const std::uint64_t object : {4096, 4352}) mat.field(object, {5120});
  mat.field(4608, {5632});
  const Dataset dataset = mat.opened(tree);
  try {
    dataset.image(0);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::MalformedDataset);
    return error.got();
  }
}

std::vector<std::uint64_t> upTo(std::uint64_t count) {
  std::vector<std::uint64_t> all(count);
  for (std::uint64_t i = 0; i < count; ++i) all[i] = i;
  return all;
}

TEST(HostileMat, ChunksComeOnceAndInTheirPlaces) {
  EXPECT_EQ(refusalOf({{4, 1}, {2, 1}, {0, 2}}), "");
  EXPECT_EQ(refusalOf({{4, 1}, {2, 1}, {2, 2}}), "a damaged index of chunks");
  EXPECT_EQ(refusalOf({{4, 1}, {2, 1}, {0, 1}}), "a damaged index of chunks");
  EXPECT_EQ(refusalOf({{4, 1}, {2, 1}, {0}}), "an array with chunks missing");
}

// One value of each chunk lies in the picture, a million beside it.
TEST(HostileMat, ChunksHoldNoMoreThanTheFileCanUnpackTo) {
  EXPECT_EQ(refusalOf({{1000, 1}, {1, 1'000'000}, upTo(1000)}), "an array of unsound chunks");
}

TEST(HostileMat, ChunksTogetherAreNotLargerThanTheFile) {
  EXPECT_EQ(refusalOf({{300, 2000}, {1, 2000}, upTo(300), 0}), "a damaged index of chunks");
}

// ---- names in lists

constexpr const char* kHead = "picture,class,xmin,ymin,xmax,ymax\n";

std::string cocoOf(const std::string& name) {
  return R"({"images": [{"id": 1, "file_name": ")" + name + R"("}], "categories": [{"id": 1, "name": "a"}],)" +
         R"("annotations": [{"image_id": 1, "category_id": 1, "bbox": [0,0,1,1], "segmentation": [[0,0,9,0,9,9]]}]})";
}

struct Listed {
  const char *kind, *list, *pictures;  // where the list lies and where its names count from
  bool isFolder;                       // that is given, not the list
  std::function<std::string(const std::string&)> text;
  const char* line;  // how errors name it
};

const std::vector<Listed> kListed = {
    {"boxes", "b.csv", "", false, [](const auto& name) { return kHead + name + ",1,0,0,1,1\n"; }, "b.csv, line 2"},
    {"coco", "b.json", "", false, cocoOf, "b.json, images 0"},
    {"voc", "ImageSets/Main/val.txt", "JPEGImages/", true, [](const auto& name) { return name + "\n"; },
     "val.txt, line 1"},
    {"cub", "images.txt", "images/", true, [](const auto& name) { return "1 " + name + "\n"; }, "images.txt, line 1"},
    {"imagenet", "val.txt", "", true, [](const auto& name) { return name + " 1\n"; }, "val.txt, line 1"},
};

// A data set whose only picture has this name.
Dataset openWith(const Tree& tree, const Listed& kind, const std::string& name) {
  tree.writePicture(std::string("set/") + kind.pictures + "there.png", 7);
  tree.write(std::string("set/") + kind.list, kind.text(name));
  return open(kind.kind, kind.isFolder ? tree / "set" : tree / "set" / kind.list);
}

// VOC's lists have names without an extension.
std::string named(const Listed& kind, const std::string& stem) {
  return std::string(kind.kind) == "voc" ? stem : stem + ".png";
}

TEST(HostileList, NamesStayInTheirFolder) {
  for (const Listed& kind : kListed) {
    const Tree tree;
    tree.writePicture("other/secret.png", 9);
    for (const std::string& stem :
         {(tree / "other/secret").string(), std::string("../other/secret"), std::string("../../other/secret"),
          std::string("x/.././../../other/secret"), std::string("x//../../set/there")}) {
      const std::string name = named(kind, stem);
      const Error error = expectError(ErrorCode::MalformedDataset, [&] { openWith(tree, kind, name); });
      EXPECT_EQ(error.got(), "'" + name + "'") << kind.kind;
      EXPECT_THAT(error.where(), HasSubstr(kind.line));
    }
  }
}

TEST(HostileList, NamesMayGoBackAndFoldersMayBeLinks) {
  for (const Listed& kind : kListed) {
    const Tree tree;
    tree.writePicture("other/linked.png", 9);
    const Dataset here = openWith(tree, kind, named(kind, "./there"));
    EXPECT_EQ(redOf(here, 0), 7) << kind.kind;
    EXPECT_THAT(ids(here), ElementsAre(named(kind, "./there"))) << "stores know it by what the list says";
    const std::filesystem::path folder = tree / "set" / kind.pictures;
    std::filesystem::create_symlink(tree / "other", folder / "photos");
    EXPECT_EQ(redOf(openWith(tree, kind, named(kind, "photos/linked")), 0), 9) << kind.kind;
    std::filesystem::create_directory(folder / "x");
    EXPECT_EQ(redOf(openWith(tree, kind, named(kind, "x/../there")), 0), 7) << kind.kind;
  }
}

// The system reads a name up to it, and would open another picture.
TEST(HostileList, NamesHaveNoNul) {
  for (const Listed& kind : kListed) {
    const Tree tree;
    const std::string nul = std::string(kind.kind) == "coco" ? "\\u0000" : std::string(1, '\0');
    const Error error =
        expectError(ErrorCode::MalformedDataset, [&] { openWith(tree, kind, named(kind, "there.png" + nul + "x")); });
    EXPECT_EQ(error.expected(), "a name without a NUL") << kind.kind;
    EXPECT_THAT(error.where(), HasSubstr(kind.line));
  }
}

// fs::path takes 50 bytes for each part of a name, in each of several copies.
TEST(HostileList, NamesAreNoLongerThanPaths) {
  std::string parts;
  for (int i = 0; i < 1'000'000; ++i) parts += "x/";
  for (const Listed& kind : kListed) {
    const Tree tree;
    const std::string name = named(kind, parts + "there");
    const Error error = expectError(ErrorCode::MalformedDataset, [&] { openWith(tree, kind, name); });
    EXPECT_EQ(error.got(), "a path of " + std::to_string(name.size()) + " bytes") << kind.kind;
    EXPECT_EQ(error.expected(), "at most 4095, as a path may have");
    EXPECT_THAT(error.where(), HasSubstr(kind.line));
  }
  const std::string longest(4095, 'a');
  EXPECT_EQ(eval::nameWithin(longest, "here"), longest);
  expectError(ErrorCode::MalformedDataset, [&] { eval::nameWithin(longest + "a", "here"); });
}

TEST(HostileList, PlainNames) {
  for (const auto& [name, plain] : std::vector<std::pair<std::string, std::string>>{{"a.png", "a.png"},
                                                                                    {"./a", "a"},
                                                                                    {"a//b", "a/b"},
                                                                                    {"a/../a/./b", "a/b"},
                                                                                    {"a/..", ""},
                                                                                    {"../../a", "../../a"},
                                                                                    {"/a/b/", "/a/b"}})
    EXPECT_EQ(eval::plainName(name), plain) << name;
}

TEST(HostileList, APictureComesOnceHoweverItIsSpelt) {
  for (const Listed& kind : {kListed[0], kListed[2], kListed[4]})
    for (const char* stem : {"./there", "x/..//there", "x/y/../../there"}) {
      const Tree tree;
      const std::string name = named(kind, "there"), other = named(kind, stem);
      openWith(tree, kind, name);
      std::string second = kind.text(other);
      if (second.starts_with(kHead)) second.erase(0, std::string(kHead).size());
      const std::filesystem::path list = tree.write(std::string("set/") + kind.list, kind.text(name) + second);
      const Error error =
          expectError(ErrorCode::MalformedDataset, [&] { open(kind.kind, kind.isFolder ? tree / "set" : list); });
      EXPECT_EQ(error.got(), "'" + other + "', which is '" + name + "', is there twice") << kind.kind;
      const bool hasLinesOfBoxes = std::string(kind.kind) == "boxes";
      EXPECT_EQ(error.expected(), hasLinesOfBoxes
                                      ? "one spelling of each picture's name, in as many lines as it has boxes"
                                      : "every picture once");
    }
}

TEST(HostileList, APictureHasOneNumber) {
  const Tree tree;
  tree.writePicture("images/there.png");
  tree.write("images.txt", std::string("1 there.png\n2 ./there.png\n"));
  tree.write("a.json", std::string(R"({"images": [{"id": 1, "file_name": "there.png"},
      {"id": 2, "file_name": "./there.png"}], "categories": [], "annotations": []})"));
  for (const auto& [kind, path] : {std::pair("cub", tree.path()), std::pair("coco", tree / "a.json")})
    EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { open(kind, path); }).got(),
              "'./there.png', which is 'there.png', is there twice")
        << kind;
}

TEST(HostileList, ADeviceIsNoList) {
  for (const char* kind : {"boxes", "coco"})
    EXPECT_EQ(expectError(ErrorCode::FileUnreadable, [&] { open(kind, "/dev/null"); }).got(), "a pipe or device")
        << kind;
}

// Nobody ever writes to it, so that whoever waits for it waits for good.
TEST(HostileList, APipeIsNoPicture) {
  for (const Listed& kind : kListed) {
    const Tree tree;
    const Dataset dataset = openWith(tree, kind, named(kind, "there"));
    const std::filesystem::path folder = tree / "set" / kind.pictures, beside = tree / "b";  // as COCO's b.json has it
    std::filesystem::remove(folder / "there.png");
    std::filesystem::create_directory(beside);
    for (const auto& name : {folder / "there.png", folder / "there.jpg", beside / "there.png"})
      ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
    const Error error = expectError(ErrorCode::FileUnreadable, [&] { dataset.image(0); });
    EXPECT_EQ(error.got(), "a pipe or device") << kind.kind;
    if (dataset.hasMasks()) expectError(ErrorCode::FileUnreadable, [&] { dataset.annotation(0); });
    const Error none = expectError(ErrorCode::MalformedDataset, [&] { Dataset::open(dataset.spec()); });
    EXPECT_THAT(none.got(), HasSubstr("pictures"));
  }
}

// ---- long lists

// Nothing of a list is kept but what its layout wants: the second line is refused before the third is looked at.
TEST(HostileList, RepeatedNamesAreRefusedAsTheyAreRead) {
  for (const Listed& kind : {kListed[2], kListed[4]}) {
    const Tree tree;
    const std::string name = named(kind, "there");
    openWith(tree, kind, name);
    tree.write(std::string("set/") + kind.list, name + "\n" + name + "\nthree fields more\n");
    const Error error = expectError(ErrorCode::MalformedDataset, [&] { open(kind.kind, tree / "set"); });
    EXPECT_EQ(error.got(), "'" + name + "' is there twice");
    EXPECT_THAT(error.where(), HasSubstr("val.txt, line 2"));
  }
}

// Synsets are looked up for every picture, in one list of them.
TEST(HostileList, SynsetsOfManyPicturesTakeNoLongerThanTheirLists) {
  constexpr int many = 20'000;
  const Tree tree;
  tree.writePicture("a.png");
  std::string pictures = "a.png\n", synsets;
  for (int i = 0; i < many; ++i) {
    synsets += "n" + std::to_string(10'000'000 + i) + "\n";
    pictures += std::to_string(i) + ".png 5\n";
  }
  tree.write("val.txt", pictures);
  tree.write("synsets.txt", synsets);
  tree.write("a.xml", xml({{"n10000003", {1, 1, 2, 2}}}));
  const auto start = std::chrono::steady_clock::now();
  const Dataset dataset = open("imagenet", tree.path());
  EXPECT_EQ(dataset.size(), many + 1U);
  EXPECT_THAT(dataset.sample(0).classes, ElementsAre(3));
  EXPECT_THAT(dataset.sample(many).classes, ElementsAre(5));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST(HostileList, LinesAreHandedOverOneByOne) {
  const Tree tree;
  tree.write("list.txt", std::string("a 1\n\n \nb x\nc\n"));
  std::vector<std::string> names;
  const auto read = [&](const eval::ListLine& line) {
    names.push_back(line.text(0) + std::to_string(line.whole(1, 0)));
  };
  const Error error =
      expectError(ErrorCode::MalformedDataset, [&] { eval::readList(tree / "list.txt", 2, 2, "NAME NUMBER", read); });
  EXPECT_THAT(error.where(), HasSubstr("list.txt, line 4"));
  EXPECT_THAT(names, ElementsAre("a1"));
}

// Classes are looked up by name, which needs every name once.
TEST(HostileList, VocsClassNamesAreThereOnce) {
  const Tree tree;
  tree.writePicture("JPEGImages/a.png");
  tree.write("Annotations/a.xml", xml({{"star", {1, 1, 2, 2}}, {"ring", {1, 1, 2, 2}}, {"star", {3, 3, 4, 4}}}));
  tree.write("class_names.txt", std::string("_background_\nstar\nbell\nring\n"));
  EXPECT_THAT(classes(open("voc", tree.path())), ElementsAre(std::vector<int>{0, 2}));
  tree.write("class_names.txt", std::string("_background_\nstar\nring\nstar\n"));
  EXPECT_EQ(expectError(ErrorCode::MalformedDataset, [&] { open("voc", tree.path()); }).got(), "'star' is there twice");
}

// ---- COCO's polygons

// The outline goes from the top to `bottom` and back, so many times.
nlohmann::json zigzag(int times, int bottom) {
  nlohmann::json outline = nlohmann::json::array();
  for (int i = 0; i < times; ++i)
    for (const int number : {0, 0, 1, 0, 1, bottom}) outline.push_back(number);
  return nlohmann::json::array({outline});
}

// Rows that an outline does not reach cost nothing: 60,000 pieces of ten rows each, in a picture of a million.
TEST(HostilePolygon, CostsTheRowsItCrosses) {
  const auto start = std::chrono::steady_clock::now();
  eval::Segments segments(1, 1'000'000);
  segments.add(zigzag(20'000, 9), "here");
  segments.add(nlohmann::json::parse("[[0,999998,1,999998,1,2e9,0,2e9]]"), "here");
  const Mask mask = segments.mask();
  EXPECT_EQ(std::count(mask.values.begin(), mask.values.end(), Mask::kObject), 2) << "even–odd: the pieces cancel out";
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(HostilePolygon, CrossingsAreCounted) {
  eval::Segments segments(1, 1'000'000);
  segments.add(zigzag(1, 1'000'000), "here");
  const Error error = expectError(ErrorCode::MalformedDataset, [&] { segments.add(zigzag(50, 1'000'000), "there"); });
  EXPECT_EQ(error.where(), "there");
  EXPECT_EQ(error.got(), "outlines that cross rows of the picture 102000000 times");
}

}  // namespace
}  // namespace relprop::dataset_test
