#include "bow/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <tuple>

#include "bow/header.h"
#include "image/npy_values.h"
#include "image/npz_entries.h"
#include "image/zip_archive.h"
#include "relprop/error.h"
#include "support/temporary_folder.h"
#include "unit/bow/small_bag.h"
#include "unit/core/failure.h"

namespace relprop::bow::test {

namespace {

namespace fs = std::filesystem;
using relprop::test::failureOf;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;
using Entries = std::vector<std::pair<std::string, Bytes>>;

constexpr ZipKind kAnyArchive{ErrorCode::MalformedModel, ""};

class BowFile : public ::testing::Test {
 protected:
  fs::path file(const std::string& name = "model.bow") const { return folder_ / name; }

  relprop::test::TemporaryFolder folder_;
};

std::vector<float> noisePicture(int side) {
  std::mt19937_64 random(3);
  std::vector<float> pixels;
  for (int i = 0; i < 3 * side * side; ++i) pixels.push_back(static_cast<float>(random() % 256));
  return pixels;
}

std::vector<double> scoresOf(const Bag& bag) {
  return look(bag, noisePicture(64).data(), 64, 64).scores;
}

// The entries of a file, to be changed and written again.
Entries partsOf(const fs::path& path) {
  Entries parts;
  visitZip(path, kAnyArchive, [&](const ZipEntry& entry) { parts.emplace_back(entry.name, entry.read()); });
  return parts;
}

void writeParts(const fs::path& path, const Entries& parts) {
  std::vector<ZipPart> all;
  for (const auto& [name, bytes] : parts) all.push_back({name, bytes, {}});
  writeZip(path, all);
}

Bytes& partOf(Entries& parts, const std::string& name) {
  return std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.first == name; })->second;
}

Bytes npyOf(const Shape& shape, const std::vector<double>& values) {
  const NpyEntry entry = npyEntry(shape, std::span(values));
  Bytes bytes = entry.start;
  bytes.insert(bytes.end(), entry.data.begin(), entry.data.end());
  return bytes;
}

// A whole archive is refused by its content, or makes a bag that gives as many scores as it has classes.
void expectRefusedOrWorking(const std::function<std::shared_ptr<const Bag>()>& read, int& refused) {
  std::shared_ptr<const Bag> bag;
  try {
    bag = read();
  } catch (const Error& error) {
    ++refused;
    EXPECT_TRUE(error.code() == ErrorCode::MalformedModel || error.code() == ErrorCode::UnsupportedModel ||
                error.code() == ErrorCode::NonFiniteWeights)
        << error.what();
    EXPECT_THAT(error.what(), HasSubstr("model.bow"));
    return;
  }
  const std::vector<double> scores = scoresOf(*bag);
  EXPECT_EQ(scores.size(), bag->classes.size());
  for (const double score : scores) EXPECT_TRUE(std::isfinite(score));
}

// What a header may not say, and what the message names.
struct Defect {
  std::function<void(Json&)> make;
  const char* named;
  ErrorCode code = ErrorCode::MalformedModel;
};

TEST_F(BowFile, WhatIsReadGivesTheSameBitsAsWhatWasWritten) {
  const Bag bag = smallBag();
  writeBag(file(), bag);
  const std::shared_ptr<const Bag> read = readBag(file());
  EXPECT_EQ(read->vocabulary.centres, bag.vocabulary.centres);
  EXPECT_EQ(read->vocabulary.scale, bag.vocabulary.scale);
  EXPECT_EQ(read->machine.histograms, bag.machine.histograms);
  EXPECT_EQ(read->machine.coefficients, bag.machine.coefficients);
  EXPECT_EQ(read->machine.bias, bag.machine.bias);
  EXPECT_EQ(read->machine.platt, bag.machine.platt);
  EXPECT_EQ(read->classes, bag.classes);
  EXPECT_EQ(read->about, bag.about);
  EXPECT_EQ(scoresOf(*read), scoresOf(bag));
}

TEST_F(BowFile, EverySettingIsKept) {
  Bag bag = smallBag();
  bag.features = {FeatureSettings::Places::Keypoints, FeatureSettings::Colour::Opponent, 5, {8, 40}, false, 77};
  bag.vocabulary.length = 384;
  bag.vocabulary.centres.resize(12 * 384);
  bag.mapping = {MappingSettings::Kind::Hard, 3, 1.25, 2.5};
  bag.pooling = {kMaximum, {{3, 1}, {2, 1}}, PoolingSettings::Norm::None};
  for (KernelTerm& term : bag.machine.kernels) term = {KernelKind::Rbf, 1e-7, 0.1};
  writeBag(file(), bag);
  EXPECT_EQ(headerText(*readBag(file())), headerText(bag));
}

TEST_F(BowFile, DescriptorsOfRegionsAreOfNoChannel) {
  Bag bag = smallBag();
  bag.features.places = FeatureSettings::Places::Regions, bag.features.colour = FeatureSettings::Colour::Opponent;
  writeBag(file(), bag);
  EXPECT_EQ(readBag(file())->features.places, FeatureSettings::Places::Regions);
  EXPECT_EQ(readBag(file())->vocabulary.length, 128);
  bag.features.places = FeatureSettings::Places::Grid;  // would need 384 numbers
  writeBag(file(), bag);
  EXPECT_THAT(failureOf([&] { readBag(file()); }).what(), HasSubstr("length"));
}

TEST_F(BowFile, EqualBagsMakeEqualFiles) {
  writeBag(file("a"), smallBag());
  writeBag(file("b"), *readBag(file("a")));
  EXPECT_EQ(readFile(file("a")), readFile(file("b")));
}

TEST_F(BowFile, BytesAreReadAsTheFileIs) {
  writeBag(file(), smallBag());
  const Bytes bytes = readFile(file());
  const std::span<const std::byte> span = std::as_bytes(std::span(bytes));
  EXPECT_TRUE(looksLikeBag(span));
  EXPECT_FALSE(looksLikeBag(span.subspan(1)));
  EXPECT_FALSE(looksLikeBag(span.first(3)));
  EXPECT_EQ(headerText(*readBag(span, "memory")), headerText(smallBag()));
}

TEST_F(BowFile, FilesThatAreNotThereOrNoArchiveAreNamed) {
  EXPECT_EQ(failureOf([&] { readBag(file("none")); }).code(), ErrorCode::FileNotFound);
  EXPECT_EQ(failureOf([&] { readBag(folder_.path()); }).code(), ErrorCode::FileUnreadable);
  std::ofstream(file()) << "PK\3\4 and no more";
  const Error cut = failureOf([&] { readBag(file()); });
  EXPECT_EQ(cut.code(), ErrorCode::MalformedModel);
  EXPECT_THAT(cut.what(), HasSubstr("cut short"));
  EXPECT_EQ(failureOf([&] { readBag({}, "memory"); }).code(), ErrorCode::MalformedModel);
  EXPECT_EQ(failureOf([&] { writeBag(folder_ / "no" / "folder", smallBag()); }).code(), ErrorCode::FileWriteFailed);
}

TEST_F(BowFile, EntriesThatAreMissingOrTooManyAreNamed) {
  writeBag(file(), smallBag());
  const Entries whole = partsOf(file());
  for (std::size_t left = 0; left < whole.size(); ++left) {
    Entries parts = whole;
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(left));
    writeParts(file(), parts);
    EXPECT_THAT(failureOf([&] { readBag(file()); }).what(), HasSubstr(whole[left].first));
  }
  Entries more = whole;
  more.emplace_back("more.npy", whole.back().second);
  writeParts(file(), more);
  EXPECT_THAT(failureOf([&] { readBag(file()); }).what(), HasSubstr("more.npy"));
  writeParts(file(), {});
  EXPECT_EQ(failureOf([&] { readBag(file()); }).code(), ErrorCode::MalformedModel);
}

TEST_F(BowFile, DefectsOfTheHeaderAreNamed) {
  const std::vector<Defect> defects = {
      {[](Json& h) { h["version"] = 2; }, "version 2", ErrorCode::UnsupportedModel},
      {[](Json& h) { h["version"] = "1"; }, "version"},
      {[](Json& h) { h["format"] = "other"; }, "format"},
      {[](Json& h) { h = Json::array(); }, "format"},
      {[](Json& h) { h.erase("about"); }, "about"},
      {[](Json& h) { h["more"] = 1; }, "unknown key"},
      {[](Json& h) { h["features"]["step"] = 0; }, "step"},
      {[](Json& h) { h["features"]["step"] = -3; }, "step"},
      {[](Json& h) { h["features"]["step"] = 1.5; }, "step"},
      {[](Json& h) { h["features"]["step"] = 5000000000; }, "step"},
      {[](Json& h) { h["features"]["patches"] = Json::array(); }, "patches"},
      {[](Json& h) { h["features"]["patches"] = {4}; }, "patches"},
      {[](Json& h) { h["features"]["colour"] = "cmyk"; }, "grey, rgb or opponent"},
      {[](Json& h) { h["features"]["colour"] = "rgb"; }, "length"},
      {[](Json& h) { h["features"]["root"] = 1; }, "root"},
      {[](Json& h) { h["mapping"]["nearest"] = 13; }, "nearest"},
      {[](Json& h) { h["mapping"]["base"] = 0.5; }, "base"},
      {[](Json& h) { h["mapping"]["width"] = "wide"; }, "width"},
      {[](Json& h) { h["pooling"]["power"] = 0; }, "power"},
      {[](Json& h) { h["pooling"]["power"] = "most"; }, "power"},
      {[](Json& h) {
         h["pooling"]["tiles"] = {{1, 1}};
       },
       "dimensions"},
      {[](Json& h) {
         h["pooling"]["tiles"] = {{1, 1, 1}};
       },
       "tiles"},
      {[](Json& h) {
         h["pooling"]["tiles"] = {{17, 1}};
       },
       "tiles"},
      {[](Json& h) {
         h["pooling"]["tiles"] = {{16, 16}, {1, 1}};
       },
       "tiles in all"},
      {[](Json& h) { h["scale"] = -1; }, "scale"},
      {[](Json& h) { h["kernels"] = Json::array(); }, "kernels"},
      {[](Json& h) { h["kernels"][0]["kind"] = "cubic"; }, "kind"},
      {[](Json& h) { h["kernels"][0]["gamma"] = 0; }, "gamma"},
      {[](Json& h) { h["kernels"][0]["beta"] = -1; }, "beta"},
      {[](Json& h) { h["sizes"]["words"] = 0; }, "words"},
      {[](Json& h) { h["sizes"]["words"] = 65537; }, "words"},
      {[](Json& h) { h["sizes"]["supports"] = 0; }, "supports"},
      {[](Json& h) { h["sizes"]["supports"] = 2000000000; }, "supports"},
      {[](Json& h) { h["sizes"]["supports"] = 6; }, "supports.npy"},
      {[](Json& h) { h["sizes"]["classes"] = 4; }, "class names"},
      {[](Json& h) { h["classes"][0] = 1; }, "classes"},
      {[](Json& h) { h["preprocess"]["scale"] = 0.5; }, "preprocess"},
      {[](Json& h) { h["preprocess"]["channels"] = "BGR"; }, "preprocess"},
      {[](Json& h) { h["preprocess"]["resize"]["size"] = 0; }, "resize.size"},
      {[](Json& h) { h["preprocess"]["resize"]["size"] = 4097; }, "pixels of a resized picture: 16785409"},
      {[](Json& h) {
         h["preprocess"]["crop"] = {8, 8}, h["preprocess"]["resize"]["size"] = 16384;
       },
       "pixels of a resized picture: 268435456"},
      {[](Json& h) { h["features"]["places"] = "regions", h["preprocess"]["resize"]["size"] = 2049; },
       "pixels of a resized picture: 4198401 (expected a whole number from 0 to 4194304)"},
      {[](Json& h) { h["features"]["step"] = 4, h["preprocess"]["resize"]["size"] = 4096; }, "features of a picture"},
      {[](Json& h) { h["about"] = {1}; }, "about"},
      {[](Json& h) { h["about"]["data"] = 1; }, "data"},
  };
  writeBag(file(), smallBag());
  Entries parts = partsOf(file());
  const Json whole = Json::parse(partOf(parts, "header.json"));
  for (const Defect& defect : defects) {
    Json header = whole;
    defect.make(header);
    const std::string text = header.dump();
    partOf(parts, "header.json") = Bytes(text.begin(), text.end());
    writeParts(file(), parts);
    const Error refusal = failureOf([&] { readBag(file()); });
    EXPECT_EQ(refusal.code(), defect.code) << refusal.what();
    EXPECT_THAT(refusal.what(), HasSubstr(defect.named));
    EXPECT_THAT(refusal.what(), HasSubstr("model.bow"));
  }
}

TEST_F(BowFile, HeadersThatAreNoJsonOrDeepAreRefused) {
  writeBag(file(), smallBag());
  Entries parts = partsOf(file());
  const Bytes header = partOf(parts, "header.json");
  for (const std::string& text :
       {std::string(), std::string("{\"format\": \xff}"), std::string("{\"sizes\": 1e999}"), std::string(1000000, '['),
        "{\"format\":" + std::string(100000, '[') + std::string(100000, ']') + "}"}) {
    partOf(parts, "header.json") = Bytes(text.begin(), text.end());
    writeParts(file(), parts);
    EXPECT_EQ(failureOf([&] { readBag(file()); }).code(), ErrorCode::MalformedModel);
  }
  const std::string text(header.begin(), header.end()), twice = R"({"date": 1, "date": 2, )" + text.substr(1);
  partOf(parts, "header.json") = Bytes(twice.begin(), twice.end());
  writeParts(file(), parts);
  EXPECT_THAT(failureOf([&] { readBag(file()); }).what(), HasSubstr("key 'date' twice"));
  partOf(parts, "header.json") = Bytes((std::size_t{1} << 23) + 1, ' ');
  writeParts(file(), parts);
  EXPECT_THAT(failureOf([&] { readBag(file()); }).what(), HasSubstr("no more than 8388608"));
}

TEST_F(BowFile, DefectsOfArraysAreNamed) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> good(300, 0.25);
  const auto with = [&](double value) {
    std::vector<double> values = good;
    values[150] = value;
    return values;
  };
  const std::vector<std::tuple<std::string, Bytes, ErrorCode, std::string>> defects = {
      {"supports.npy", npyOf({5, 60}, with(nan)), ErrorCode::NonFiniteWeights, "finite"},
      {"supports.npy", npyOf({5, 60}, with(-0.5)), ErrorCode::MalformedModel, "-0.5"},
      {"supports.npy", npyOf({5, 60}, with(1e13)), ErrorCode::MalformedModel, "10000000000000"},
      {"supports.npy", npyOf({60, 5}, good), ErrorCode::MalformedModel, "5×60"},
      {"supports.npy", npyOf({5, 60, 100}, std::vector<double>(30000)), ErrorCode::MalformedModel, "no more than"},
      {"supports.npy", Bytes(10), ErrorCode::MalformedModel, "supports.npy"},
      {"bias.npy", npyOf({3}, {0, -infinity, 0}), ErrorCode::NonFiniteWeights, "finite"},
      {"bias.npy", npyOf({2}, {0, 0}), ErrorCode::MalformedModel, "bias.npy"},
      {"platt.npy", npyOf({3, 1}, {0, 0, 0}), ErrorCode::MalformedModel, "platt.npy"},
      {"words.npy", npyOf({12, 128}, std::vector<double>(12 * 128, nan)), ErrorCode::NonFiniteWeights, "words.npy"},
      {"words.npy", npyOf({12, 128}, std::vector<double>(12 * 128, 1e300)), ErrorCode::MalformedModel, "words.npy"},
      {"coefficients.npy", npyOf({3, 4}, std::vector<double>(12)), ErrorCode::MalformedModel, "3×5"},
  };
  writeBag(file(), smallBag());
  const Entries whole = partsOf(file());
  for (const auto& [name, bytes, code, named] : defects) {
    Entries parts = whole;
    partOf(parts, name) = bytes;
    writeParts(file(), parts);
    const Error refusal = failureOf([&] { readBag(file()); });
    EXPECT_EQ(refusal.code(), code) << refusal.what();
    EXPECT_THAT(refusal.what(), HasSubstr(named));
    EXPECT_THAT(refusal.what(), HasSubstr(name));
  }
}

TEST_F(BowFile, DamagedBytesAreRefused) {
  writeBag(file(), smallBag());
  const Bytes whole = readFile(file());
  std::mt19937_64 random(1);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    Bytes bytes = whole;
    for (std::size_t n = 0, count = 1 + random() % 4; n < count; ++n)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    expectRefusedOrWorking([&] { return readBag(std::as_bytes(std::span(bytes)), "model.bow"); }, refused);
  }
  EXPECT_GT(refused, 900);  // the rest is in dates and the like
}

TEST_F(BowFile, FilesCutShortAreRefused) {
  writeBag(file(), smallBag());
  const Bytes whole = readFile(file());
  for (std::size_t length = 0; length < whole.size(); length += 1 + length / 50)
    EXPECT_EQ(failureOf([&] { readBag(std::as_bytes(std::span(whole).first(length)), "model.bow"); }).code(),
              ErrorCode::MalformedModel);
}

// Behind the checksums of the archive.
TEST_F(BowFile, DamagedEntriesInWholeArchivesAreRefusedOrWork) {
  writeBag(file(), smallBag());
  const Entries whole = partsOf(file());
  std::mt19937_64 random(2);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    Entries parts = whole;
    Bytes& bytes = parts[random() % parts.size()].second;
    for (std::size_t n = 0, count = 1 + random() % 4; n < count; ++n)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    writeParts(file(), parts);
    expectRefusedOrWorking([&] { return readBag(file()); }, refused);
  }
  EXPECT_GT(refused, 100);
  EXPECT_LT(refused, 1000);
}

// One token of the header in another's place: still JSON.
TEST_F(BowFile, HeadersWithOtherValuesAreRefusedOrWork) {
  writeBag(file(), smallBag());
  Entries parts = partsOf(file());
  const Json whole = Json::parse(partOf(parts, "header.json"));
  const Json flat = whole.flatten();
  const std::vector<Json> values = {0,  1,     2,      16,   -1,      0.5,           1e300,          4294967296,
                                    "", "max", "hard", true, nullptr, Json::array(), Json::object(), {{1, 1}}};
  std::mt19937_64 random(4);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    Json header = whole;
    const auto place = std::next(flat.begin(), static_cast<std::ptrdiff_t>(random() % flat.size()));
    header[Json::json_pointer(place.key())] = values[random() % values.size()];
    const std::string text = header.dump();
    partOf(parts, "header.json") = Bytes(text.begin(), text.end());
    writeParts(file(), parts);
    expectRefusedOrWorking([&] { return readBag(file()); }, refused);
  }
  EXPECT_GT(refused, 500);
  EXPECT_LT(refused, 1000);
}

}  // namespace
}  // namespace relprop::bow::test
