#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "bow/bag.h"
#include "bow/file.h"
#include "bow/part_file.h"
#include "relprop/bow.h"
#include "relprop/error.h"
#include "support/temporary_folder.h"
#include "unit/core/failure.h"

namespace relprop::bow::test {

namespace {

namespace fs = std::filesystem;
using relprop::test::failureOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kPictures = 18, kPictureSide = 48;

// Of class 0 with stripes from top to bottom, of class 1 from left to right; every picture with noise of its own.
Image stripedPicture(std::size_t i) {
  Image image{kPictureSide, kPictureSide, {}};
  std::uint32_t noise = static_cast<std::uint32_t>(i) * 2654435761u + 1;
  for (int y = 0; y < kPictureSide; ++y)
    for (int x = 0; x < kPictureSide; ++x)
      for (int c = 0; c < 3; ++c) {
        noise = noise * 1664525u + 1013904223u;
        image.pixels.push_back(static_cast<std::uint8_t>(((i % 2 ? y : x) / 4 % 2 ? 170 : 60) + (noise >> 26)));
      }
  return image;
}

BowPictures stripedPictures() {
  BowPictures pictures;
  for (int i = 0; i < kPictures; ++i) {
    pictures.ids.push_back(fmt::format("picture{}", i));
    pictures.classes.push_back({i % 2});
  }
  pictures.classNames = {"down", "across"};
  pictures.image = stripedPicture;
  return pictures;
}

// A wedge (class 0) or a cross of the same reach, striped as the ground is; place, angle, size and stripes of its own.
bool inOutline(std::size_t i, int y, int x) {
  const double turn = 0.7 * static_cast<double>(i), size = 13 + static_cast<double>(i % 5);
  const double dx = (x - 22 - static_cast<double>(i % 3)) / size, dy = (y - 26 + static_cast<double>(i % 4)) / size;
  const double u = std::cos(turn) * dx + std::sin(turn) * dy, v = std::cos(turn) * dy - std::sin(turn) * dx;
  if (i % 2 == 0) return std::abs(u) < 1 && std::abs(v) < 0.4 * (u + 1);
  return (std::abs(u) < 0.25 && std::abs(v) < 1) || (std::abs(v) < 0.25 && std::abs(u) < 1);
}

Image outlinePicture(std::size_t i) {
  Image image{kPictureSide, kPictureSide, {}};
  for (int y = 0; y < kPictureSide; ++y)
    for (int x = 0; x < kPictureSide; ++x) {
      const bool inside = inOutline(i, y, x), bright = inside != (i % 3 == 0);
      const int along = (inside != (i % 4 < 2)) ? x : y;
      image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>((bright ? 180 : 80) + along / 3 % 2 * 16));
    }
  return image;
}

BowOptions quickOptions() {
  BowOptions options;
  options.settings.preprocess = BowSettings::warped(kPictureSide);
  options.settings.patches = {16, 24};
  options.words = 16;
  options.sample = 400;
  options.c = {1, 10};
  return options;
}

class BowTraining : public ::testing::Test {
 protected:
  fs::path file(const std::string& name = "model.bow") const { return folder_ / name; }
  std::vector<std::uint8_t> trained(const BowOptions& options, const std::string& name = "model.bow") const {
    trainBow(stripedPictures(), options, file(name));
    return readFile(file(name));
  }
  void expectRefused(const BowOptions& options, const std::string& what) const {
    const Error error = failureOf([&] { trainBow(stripedPictures(), options, file()); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr(what));
    EXPECT_FALSE(fs::exists(file()));
  }

  relprop::test::TemporaryFolder folder_;
};

TEST_F(BowTraining, TellsClassesApartThatDifferInTheirOutline) {
  BowOptions options = quickOptions();
  options.settings.places = "regions";
  options.folds = 3;
  BowPictures pictures = stripedPictures();
  pictures.image = outlinePicture;
  EXPECT_GE(trainBow(pictures, options, file()).accuracy, 0.9);
  // Pictures it has not seen: most of what speaks for their class lies on the object, about a sixth of the picture.
  const std::shared_ptr<const Bag> bag = readBag(file());
  double on = 0, all = 0;
  for (std::size_t i = 30; i < 40; ++i) {
    const PreparedImage prepared = prepareImage(outlinePicture(i), bag->preprocess, 3, 0, 0);
    const Seen seen = look(*bag, prepared.input.data.data(), kPictureSide, kPictureSide);
    EXPECT_GT(seen.scores[i % 2], seen.scores[1 - i % 2]) << i;
    const auto own = static_cast<std::int64_t>(i % 2);
    const std::vector<double> dims = decompose(bag->machine, own, seen.histogram.values, Root::Search).dims;
    const Pooled pooled{seen.supports, seen.mapped, kPictureSide, kPictureSide, bag->vocabulary.words()};
    const std::vector<double> pixels =
        pixelRelevance(featureRelevance(dims, pooled, bag->pooling), seen.covers, kPictureSide, kPictureSide);
    for (int p = 0; p < kPictureSide * kPictureSide; ++p) {
      const double speaksFor = std::max(0.0, pixels[static_cast<std::size_t>(p)]);
      all += speaksFor;
      on += inOutline(i, p / kPictureSide, p % kPictureSide) ? speaksFor : 0;
    }
  }
  EXPECT_GT(on, 0.5 * all);
}

TEST_F(BowTraining, TellsClassesApartThatDifferInTheirTexture) {
  BowOptions options = quickOptions();
  options.folds = 3;
  const BowResult result = trainBow(stripedPictures(), options, file());
  EXPECT_EQ(result.pictures, kPictures);
  EXPECT_EQ(result.dimensions, 16);
  ASSERT_EQ(result.classes.size(), 2u);
  EXPECT_EQ(result.classes[0].pictures, kPictures / 2);
  EXPECT_DOUBLE_EQ(result.classes[0].chance, 0.5);
  EXPECT_GT(result.meanAveragePrecision, 0.99);
  EXPECT_EQ(result.accuracy, 1);
  const std::shared_ptr<const Bag> bag = readBag(file());
  EXPECT_THAT(bag->classes, ElementsAre("down", "across"));
  EXPECT_EQ(bag->about.at("pictures"), "18");
  const PreparedImage prepared = prepareImage(stripedPicture(100), bag->preprocess, 3, 0, 0);
  const Seen seen = look(*bag, prepared.input.data.data(), kPictureSide, kPictureSide);
  EXPECT_GT(seen.scores[0], 0);
  EXPECT_LT(seen.scores[1], 0);
}

TEST_F(BowTraining, TheSameSeedMakesTheSameBytesWithAnyNumberOfThreads) {
  BowOptions options = quickOptions();
  options.threads = 1;
  const std::vector<std::uint8_t> one = trained(options);
  options.threads = 5;
  EXPECT_EQ(trained(options), one);
  options.seed = 1;
  EXPECT_NE(trained(options), one);
  EXPECT_FALSE(fs::exists(file("model.bow.parts")));
}

// Stopped at every third report that there is.
TEST_F(BowTraining, GoesOnWhereItWasStopped) {
  BowOptions options = quickOptions();
  options.threads = 1;
  std::set<std::string> phases;
  int reports = 0;
  options.progress = [&](const BowProgress& progress) {
    phases.insert(progress.phase);
    ++reports;
    return true;
  };
  const std::vector<std::uint8_t> whole = trained(options, "whole");
  EXPECT_EQ(phases, (std::set<std::string>{"sample", "words", "histograms", "fit", "write"}));
  for (int stop = 1; stop < reports; stop += 3) {
    int left = stop;
    std::string phase;
    options.progress = [&](const BowProgress& progress) {
      phase = progress.phase;
      return --left > 0;
    };
    const Error error = failureOf([&] { trained(options); });
    EXPECT_EQ(error.code(), ErrorCode::Cancelled) << error.what();
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_TRUE(fs::exists(file("model.bow.parts")));
    int sampled = 0;
    options.progress = [&](const BowProgress& progress) { return sampled += progress.phase == "sample", true; };
    EXPECT_EQ(trained(options), whole) << stop;
    if (phase != "words") {
      EXPECT_EQ(sampled > 0, phase == "sample") << phase;
    }
    EXPECT_FALSE(fs::exists(file("model.bow.parts")));
    fs::remove(file());
  }
}

TEST_F(BowTraining, PartsThatWereCutShortAreMadeAgainFromThere) {
  BowOptions options = quickOptions();
  const std::vector<std::uint8_t> whole = trained(options, "whole");
  for (const char* part : {"sample", "words", "histograms"}) {
    options.progress = [&](const BowProgress& progress) {
      return progress.phase != (part == std::string("sample") ? "words" : "fit");
    };
    failureOf([&] { trained(options); });
    const fs::path kept = file("model.bow.parts") / part;
    ASSERT_TRUE(fs::exists(kept));
    fs::resize_file(kept, fs::file_size(kept) - 5);
    options.progress = {};
    EXPECT_EQ(trained(options), whole) << part;
  }
}

TEST_F(BowTraining, PartsOfAnotherTrainingAreRefused) {
  BowOptions options = quickOptions();
  const auto stopped = [](const BowProgress& progress) { return progress.phase != "fit"; };
  options.progress = stopped;
  failureOf([&] { trained(options); });
  BowOptions other = options;
  other.words = 12;
  expectRefused(other, "another training");
  other = options;
  other.seed = 3;
  expectRefused(other, "another training");
  other = options;
  other.settings.step = 7;
  expectRefused(other, "another training");
  other = options;
  other.settings.norm = "l2";
  expectRefused(other, "to start again");
  other = quickOptions();  // what machines are made of is not in the parts
  other.kernels = {{"linear"}};
  const std::vector<std::uint8_t> resumed = trained(other);
  EXPECT_EQ(trained(other, "anew"), resumed);
}

TEST_F(BowTraining, PicturesThatCannotBeReadAreNamedAndLeftOut) {
  BowPictures pictures = stripedPictures();
  pictures.image = [](std::size_t i) {
    if (i == 4) throw Error(ErrorCode::MalformedImage, "picture4", "cut short");
    return stripedPicture(i);
  };
  BowOptions options = quickOptions();
  std::vector<std::string> warnings;
  options.warn = [&](const std::string& text) { warnings.push_back(text); };
  EXPECT_EQ(trainBow(pictures, options, file()).pictures, kPictures - 1);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("picture4: cut short"));
}

TEST_F(BowTraining, PicturesWithoutFeaturesAreLeftOut) {
  BowPictures pictures = stripedPictures();
  pictures.image = [](std::size_t i) {
    return i == 2 ? Image{12, 12, std::vector<std::uint8_t>(3 * 12 * 12)} : stripedPicture(i);
  };
  BowOptions options = quickOptions();
  options.settings.preprocess = {};
  std::string warning;
  options.warn = [&](const std::string& text) { warning = text; };
  EXPECT_EQ(trainBow(pictures, options, file()).pictures, kPictures - 1);
  EXPECT_THAT(warning, HasSubstr("picture2: no local features in 12×12 pixels"));
}

TEST_F(BowTraining, WithoutPicturesOfAClassThereIsNoBag) {
  BowPictures pictures = stripedPictures();
  pictures.image = [](std::size_t i) -> Image {
    if (i % 2) throw Error(ErrorCode::MalformedImage, "broken", "cut short");
    return stripedPicture(i);
  };
  Error error = failureOf([&] { trainBow(pictures, quickOptions(), file()); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("class 'across'"));
  EXPECT_FALSE(fs::exists(file("model.bow.parts")));
  pictures.image = [](std::size_t) -> Image { throw Error(ErrorCode::MalformedImage, "broken", "cut short"); };
  error = failureOf([&] { trainBow(pictures, quickOptions(), file()); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("none that can be read; the last: broken: cut short"));
}

TEST_F(BowTraining, OptionsOutOfTheirRangesAreNamed) {
  const std::vector<std::pair<std::function<void(BowOptions&)>, const char*>> defects = {
      {[](BowOptions& o) { o.words = 0; }, "words"},
      {[](BowOptions& o) { o.words = 100000; }, "words"},
      {[](BowOptions& o) { o.words = 500; }, "words"},
      {[](BowOptions& o) { o.sample = 0; }, "sample"},
      {[](BowOptions& o) { o.sample = std::int64_t{1} << 40; }, "sample"},
      {[](BowOptions& o) { o.folds = 1; }, "folds"},
      {[](BowOptions& o) { o.folds = kPictures + 1; }, "folds"},
      {[](BowOptions& o) { o.kernels = {}; }, "kernels"},
      {[](BowOptions& o) { o.kernels = {{"chi"}}; }, "did you mean 'chi2'"},
      {[](BowOptions& o) { o.kernels[0].gamma = -1; }, "gamma"},
      {[](BowOptions& o) { o.c = {}; }, "C"},
      {[](BowOptions& o) { o.settings.places = "everywhere"; }, "places"},
      {[](BowOptions& o) { o.settings.colour = "gray"; }, "did you mean 'grey'"},
      {[](BowOptions& o) { o.settings.mapping = "soft"; }, "mapping"},
      {[](BowOptions& o) { o.settings.norm = "l3"; }, "norm"},
      {[](BowOptions& o) { o.settings.nearest = 0; }, "nearest: 0 (expected a whole number from 1 to 16)"},
      {[](BowOptions& o) { o.settings.nearest = 17; }, "nearest: 17 (expected a whole number from 1 to 16)"},
      {[](BowOptions& o) { o.settings.step = 0; }, "step"},
      {[](BowOptions& o) { o.settings.patches = {}; }, "patches"},
      {[](BowOptions& o) { o.settings.power = 0.5; }, "power"},
      {[](BowOptions& o) {
         o.settings.tiles = {{0, 1}};
       },
       "tiles"},
      {[](BowOptions& o) { o.settings.preprocess.scale = 0.5; }, "preprocess"},
  };
  for (const auto& [make, named] : defects) {
    BowOptions options = quickOptions();
    make(options);
    expectRefused(options, named);
    fs::remove_all(file("model.bow.parts"));
  }
}

// Features may take hours, and their parts would stand in the way of a training that goes.
TEST_F(BowTraining, ClassesThatNothingTellsApartAreRefusedFirst) {
  const std::vector<std::pair<std::function<void(BowPictures&)>, const char*>> defects = {
      {[](BowPictures& p) { p.classNames = {"all"}, p.classes.assign(kPictures, {0}); }, "'all' as the class of all"},
      {[](BowPictures& p) {
         p.classes.assign(kPictures, {0, 1});
       },
       "classes that all pictures have or none"},
      {[](BowPictures& p) { p.classNames.push_back("nobody"); }, "class 'nobody': no picture"},
  };
  for (const auto& [make, named] : defects) {
    BowPictures pictures = stripedPictures();
    make(pictures);
    pictures.image = [](std::size_t i) { return ADD_FAILURE() << i, stripedPicture(i); };
    const Error error = failureOf([&] { trainBow(pictures, quickOptions(), file()); });
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr(named));
    EXPECT_FALSE(fs::exists(file("model.bow.parts")));
  }
  trained(quickOptions());
}

// Where the files of the others turn out to be broken.
TEST_F(BowTraining, ClassesThatNothingTellsApartLeaveNoParts) {
  BowPictures pictures = stripedPictures();
  pictures.classNames = {"striped"};
  for (std::size_t i = 0; i < kPictures; ++i) pictures.classes[i] = i < 10 ? std::vector<int>{0} : std::vector<int>{};
  pictures.image = [](std::size_t i) {
    if (i >= 10) throw Error(ErrorCode::MalformedImage, "broken", "cut short");
    return stripedPicture(i);
  };
  const Error error = failureOf([&] { trainBow(pictures, quickOptions(), file()); });
  EXPECT_THAT(error.what(), HasSubstr("'striped' as the class of all or none"));
  EXPECT_FALSE(fs::exists(file("model.bow.parts")));
}

// What no picture decides is refused before one is looked at.
TEST_F(BowTraining, OptionsOfTheMachineAreCheckedFirst) {
  const std::vector<std::pair<std::function<void(BowOptions&)>, const char*>> defects = {
      {[](BowOptions& o) { o.kernels = {{"bogus"}}; }, "bogus"},
      {[](BowOptions& o) {
         o.kernels = {{"linear", 2}};
       },
       "kernel linear: gamma 2"},
      {[](BowOptions& o) { o.kernels[0].beta = 0; }, "beta"},
      {[](BowOptions& o) { o.c = {0}; }, "C"},
      {[](BowOptions& o) { o.settings.power = 0; }, "pool"}};
  for (const auto& [make, named] : defects) {
    BowOptions options = quickOptions();
    options.progress = [](const BowProgress& progress) { return ADD_FAILURE() << progress.phase, true; };
    make(options);
    expectRefused(options, named);
    EXPECT_FALSE(fs::exists(file("model.bow.parts")));
  }
}

// So that the corrected call is not refused as another training.
TEST_F(BowTraining, SettingsWithoutFeaturesOrWordsLeaveNoParts) {
  BowOptions options = quickOptions();
  options.settings.patches = {100};
  expectRefused(options, "no local features");
  EXPECT_FALSE(fs::exists(file("model.bow.parts")));
  options = quickOptions();
  options.words = 500;
  expectRefused(options, "words");
  EXPECT_FALSE(fs::exists(file("model.bow.parts")));
  trained(quickOptions());
}

TEST_F(BowTraining, PicturesAreChecked) {
  const std::vector<std::function<void(BowPictures&)>> defects = {
      [](BowPictures& p) { p = {}; },
      [](BowPictures& p) { p.classes.pop_back(); },
      [](BowPictures& p) { p.classes[3] = {2}; },
      [](BowPictures& p) { p.classes[3] = {-1}; },
      [](BowPictures& p) { p.image = {}; },
      [](BowPictures& p) { p.classNames = {}, p.classes.assign(kPictures, {}); },
  };
  for (const auto& make : defects) {
    BowPictures pictures = stripedPictures();
    make(pictures);
    EXPECT_EQ(failureOf([&] { trainBow(pictures, quickOptions(), file()); }).code(), ErrorCode::InvalidArgument);
  }
  EXPECT_EQ(failureOf([&] { trainBow(stripedPictures(), quickOptions(), "/proc/no/model.bow"); }).code(),
            ErrorCode::FileWriteFailed);
}

TEST_F(BowTraining, APartFileIsOfOneProgramAtATime) {
  std::vector<std::string> records;
  const auto take = [&](PartFile::Record record) { records.emplace_back(record.begin(), record.end()); };
  const std::string text = "one";
  {
    PartFile part(file("part"), "key", take);
    part.append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    part.append({});
    EXPECT_THAT(failureOf([&] { PartFile(file("part"), "key", take); }).what(), HasSubstr("another program"));
  }
  EXPECT_TRUE(records.empty());
  PartFile(file("part"), "key", take);
  EXPECT_THAT(records, ElementsAre("one", ""));
  EXPECT_THAT(failureOf([&] { PartFile(file("part"), "other", take); }).what(), HasSubstr("another training"));
  EXPECT_EQ(failureOf([&] { PartFile(folder_.path(), "key", take); }).code(), ErrorCode::FileWriteFailed);
}

// Against a search over all features of all pictures.
TEST_F(BowTraining, PatchesOfAWordAreThoseNearestToIt) {
  trained(quickOptions());
  const std::shared_ptr<const Bag> bag = readBag(file());
  const BowPictures pictures = stripedPictures();
  const std::vector<BowWord> words = bowWords(file(), pictures, {.patches = 3, .side = 20});
  std::vector<std::int64_t> features(16);
  std::vector<std::map<std::size_t, double>> nearest(16);  // picture and distance
  for (std::size_t i = 0; i < kPictures; ++i) {
    const PreparedImage prepared = prepareImage(pictures.image(i), bag->preprocess, 3, 0, 0);
    const LocalFeatures all = localFeatures(prepared.input.data.data(), kPictureSide, kPictureSide, bag->features);
    for (std::size_t l = 0; l < all.count(); ++l) {
      std::size_t word = 0;
      double least = 1e300;
      for (std::size_t w = 0; w < 16; ++w) {
        double square = 0;
        for (std::size_t k = 0; k < 128; ++k)
          square += std::pow(double{all.descriptor(l)[k]} - double{bag->vocabulary.centres[w * 128 + k]}, 2);
        if (square < least) least = square, word = w;
      }
      ++features[word];
      const auto [at, first] = nearest[word].emplace(i, std::sqrt(least));
      if (!first) at->second = std::min(at->second, std::sqrt(least));
    }
  }
  ASSERT_EQ(words.size(), 16u);
  for (std::size_t w = 0; w < 16; ++w) {
    EXPECT_EQ(words[w].features, features[w]);
    std::vector<double> distances, shown;
    for (const auto& [picture, distance] : nearest[w]) distances.push_back(distance);
    std::sort(distances.begin(), distances.end());
    distances.resize(std::min<std::size_t>(3, distances.size()));
    for (const BowPatch& patch : words[w].patches) {
      shown.push_back(patch.distance);
      EXPECT_NEAR(patch.distance, nearest[w].at(patch.picture), 1e-9);
      EXPECT_EQ(patch.image.width, 20);
      EXPECT_EQ(patch.image.pixels.size(), 20u * 20 * 3);
    }
    EXPECT_THAT(shown, ::testing::Pointwise(::testing::DoubleNear(1e-9), distances));
  }
}

TEST_F(BowTraining, WhatWordsAreAskedForIsChecked) {
  trained(quickOptions());
  const BowPictures pictures = stripedPictures();
  EXPECT_EQ(failureOf([&] { bowWords(file("none"), pictures, {}); }).code(), ErrorCode::FileNotFound);
  EXPECT_EQ(failureOf([&] { bowWords(file(), {}, {}); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([&] { bowWords(file(), pictures, {.patches = 0}); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([&] { bowWords(file(), pictures, {.side = 0}); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(failureOf([&] { bowWords(file(), pictures, {.patches = 1000000000}); }).code(), ErrorCode::InvalidArgument);
  BowWordOptions stopped;
  for (const int at : {0, kPictures + 3}) {
    stopped.progress = [&](std::int64_t done, std::int64_t) { return done < at; };
    EXPECT_EQ(failureOf([&] { bowWords(file(), pictures, stopped); }).code(), ErrorCode::Cancelled);
  }
}

}  // namespace
}  // namespace relprop::bow::test
