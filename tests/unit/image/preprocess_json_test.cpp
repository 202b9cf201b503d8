#include <gtest/gtest.h>

#include "unit/image/support.h"

namespace relprop::test {

namespace {

const std::string whole = R"({"resize": {"mode": "shorter-side", "size": 256, "filter": "bilinear-antialias"},
  "crop": [224, 200], "channels": "BGR", "scale": 0.5, "mean": [1, 2.5, 3], "std": [4, 5, 6]})";

// The whole description with one member's text replaced; the text has to be there.
std::string with(const std::string& from, const std::string& to) {
  std::string json = whole;
  const auto position = json.find(from);
  EXPECT_NE(position, std::string::npos) << from;
  return json.replace(position, from.size(), to);
}

struct Bad {
  std::string name, json, key;
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

class BadPreprocess : public testing::TestWithParam<Bad> {};

TEST_P(BadPreprocess, NamesFileKeyAndExpectation) {
  const Error error = expectError(ErrorCode::MalformedPreprocess, [&] { parsePreprocess(GetParam().json, "x.json"); });
  EXPECT_EQ(error.where(), "x.json");
  EXPECT_NE(error.got().find(GetParam().key), std::string::npos) << error.what();
  EXPECT_FALSE(error.expected().empty()) << error.what();
}

const std::string resize = R"({"mode": "shorter-side", "size": 256, "filter": "bilinear-antialias"})";

INSTANTIATE_TEST_SUITE_P(
    All, BadPreprocess,
    testing::Values(
        Bad{"NotJson", "{", "broken JSON at byte 2"}, Bad{"Empty", "", "broken JSON at byte 1"},
        Bad{"List", "[1, 2]", "[1,2]"}, Bad{"NaN", with("0.5", "NaN"), "broken JSON at byte"},
        Bad{"Overflow", with("0.5", "1e999"), "a number that is too large"},
        Bad{"BadUtf8", with("BGR", "\xFF\xFE"), "broken JSON at byte"},
        Bad{"UnknownKey", with("\"std\"", "\"sdt\""), "sdt"},
        Bad{"UnknownResizeKey", with("\"filter\"", "\"filtre\""), "resize.filtre"},
        Bad{"ResizeIsNoObject", with(resize, "256"), "resize"},
        Bad{"NoMode", with("\"mode\": \"shorter-side\",", ""), "resize.mode"},
        Bad{"UnknownMode", with("shorter-side", "longer-side"), "resize.mode"},
        Bad{"NoSize", with("\"size\": 256,", ""), "resize.size"}, Bad{"ZeroSize", with("256", "0"), "resize.size"},
        Bad{"NegativeSize", with("256", "-3"), "resize.size"}, Bad{"HugeSize", with("256", "16385"), "resize.size"},
        Bad{"SizeBeyondInt", with("256", "4294967552"), "resize.size"},
        Bad{"BrokenSize", with("256", "256.5"), "resize.size"}, Bad{"TextSize", with("256", "\"256\""), "resize.size"},
        Bad{"OtherFilter", with("bilinear-antialias", "bicubic"), "resize.filter"},
        Bad{"FractionOutOfPlace", with("\"size\"", "\"fraction\": 0.5, \"size\""), "resize.fraction"},
        Bad{"NoFraction", with("shorter-side", "central-fraction"), "resize.fraction"},
        Bad{"ZeroFraction", with(resize, R"({"mode": "central-fraction", "size": 8, "fraction": 0})"),
            "resize.fraction"},
        Bad{"FractionAboveOne", with(resize, R"({"mode": "central-fraction", "size": 8, "fraction": 1.1})"),
            "resize.fraction"},
        Bad{"CropIsNumber", with("[224, 200]", "224"), "crop"},
        Bad{"CropOfThree", with("[224, 200]", "[1, 2, 3]"), "crop"},
        Bad{"ZeroCrop", with("[224, 200]", "[0, 0]"), "crop"},
        Bad{"HalfZeroCrop", with("[224, 200]", "[0, 5]"), "crop"},
        Bad{"NegativeCrop", with("[224, 200]", "[5, -5]"), "crop"},
        Bad{"HugeCrop", with("[224, 200]", "[5, 20000]"), "crop"},
        Bad{"UnknownChannels", with("BGR", "GRB"), "channels"},
        Bad{"NoChannels", with("\"channels\": \"BGR\",", ""), "channels"},
        Bad{"TextScale", with("0.5", "\"1/255\""), "scale"}, Bad{"ZeroScale", with("0.5", "0"), "scale"},
        Bad{"NoScale", with("\"scale\": 0.5,", ""), "scale"}, Bad{"MeanIsNumber", with("[1, 2.5, 3]", "1"), "mean"},
        Bad{"MeanHoldsText", with("[1, 2.5, 3]", "[1, \"2\", 3]"), "mean"},
        Bad{"EmptyMean", with("[1, 2.5, 3]", "[]"), "mean"}, Bad{"ZeroStd", with("[4, 5, 6]", "[4, 0, 6]"), "std"},
        Bad{"NoStd", with(", \"std\": [4, 5, 6]", ""), "std"}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace

TEST(ParsePreprocess, ReadsEveryMember) {
  const Preprocess preprocess = parsePreprocess(whole, "x.json");
  EXPECT_EQ(preprocess.resize, Preprocess::Resize::ShorterSide);
  EXPECT_EQ(preprocess.size, 256);
  EXPECT_EQ(preprocess.crop, (std::array{224, 200}));
  EXPECT_TRUE(preprocess.bgr);
  EXPECT_EQ(preprocess.scale, 0.5);
  EXPECT_EQ(preprocess.mean, (std::vector<double>{1, 2.5, 3}));
  EXPECT_EQ(preprocess.std, (std::vector<double>{4, 5, 6}));
  EXPECT_EQ(preprocess.name, "x.json");
}

TEST(ParsePreprocess, ResizeAndCropAreOptional) {
  const Preprocess preprocess =
      parsePreprocess(R"({"channels": "RGB", "scale": 1, "mean": [0], "std": [1]})", "x.json");
  EXPECT_EQ(preprocess.resize, Preprocess::Resize::None);
  EXPECT_EQ(preprocess.crop, (std::array{0, 0}));
  EXPECT_FALSE(preprocess.bgr);
}

TEST(ParsePreprocess, MessageShowsGotAndExpected) {
  const Error error =
      expectError(ErrorCode::MalformedPreprocess, [] { parsePreprocess(with("224, 200", "224"), "x.json"); });
  EXPECT_STREQ(error.what(), R"(x.json: "crop" is [224] (expected [height, width]))");
}

TEST(ToJson, ComesBackTheSame) {
  for (const std::string& name : preprocessNames()) {
    const std::string json = toJson(namedPreprocess(name));
    EXPECT_EQ(toJson(parsePreprocess(json, name)), json) << name;
  }
  EXPECT_EQ(toJson(parsePreprocess(toJson(parsePreprocess(whole, "x")), "x")), toJson(parsePreprocess(whole, "x")));
}

// A parser keeps one value, and does not say which.
TEST(ParsePreprocess, KeysComeOnce) {
  for (const std::string& text :
       {with("\"scale\": 0.5", "\"scale\": 1, \"scale\": 0.5"),
        std::string(
            R"({"size": {"height": 8, "width": 8, "scale": 1, "scale": 2}, "image_mean": [0], "image_std": [1]})")}) {
    const Error error = expectError(ErrorCode::MalformedPreprocess, [&] { parsePreprocess(text, "p.json"); });
    EXPECT_STREQ(error.what(), "p.json: key 'scale' twice (expected every key once)");
  }
}

// Black and white are to be two numbers that float32 holds.
TEST(ParsePreprocess, NumbersLeavePixelsWithinFloat) {
  const auto refused = [](const std::string& from, const std::string& to) {
    return expectError(ErrorCode::MalformedPreprocess, [&] { parsePreprocess(with(from, to), "p.json"); }).got();
  };
  EXPECT_EQ(refused("[4, 5, 6]", "[4, 1e-40, 6]"), "\"std\" is [4, 1e-40, 6]");
  EXPECT_EQ(refused("[4, 5, 6]", "[4, 1e300, 6]"), "\"std\" is [4, 1e+300, 6]");
  EXPECT_EQ(refused("0.5", "1e308"), "\"scale\" is 1e+308");
  EXPECT_EQ(refused("0.5", "1e-300"), "\"scale\" is 1e-300");
  EXPECT_EQ(refused("[1, 2.5, 3]", "[1, 2.5, 1e39]"), "\"mean\" is [1, 2.5, 1e+39]");
  EXPECT_EQ(refused("[1, 2.5, 3]", "[1e20, 2.5, 3]"), "\"mean\" is [1e+20, 2.5, 3]");
}

// What walks or prints a value does so by recursion.
TEST(ParsePreprocess, OfHostileNesting) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  for (const std::string& text : {deep, R"({"mean": )" + deep + "}", std::string(1'000'000, '[')}) {
    const Error error = expectError(ErrorCode::MalformedPreprocess, [&] { parsePreprocess(text, "p.json"); });
    EXPECT_EQ(error.where(), "p.json");
    EXPECT_NE(error.got().find("lists and objects within one another"), std::string::npos);
    EXPECT_EQ(error.expected(), "at most 64");
  }
}

TEST(NamedPreprocess, UnknownNameListsTheKnownOnes) {
  const Error error = expectError(ErrorCode::MalformedPreprocess, [] { namedPreprocess("imagenett"); });
  for (const std::string& name : preprocessNames()) EXPECT_NE(error.expected().find(name), std::string::npos) << name;
}

TEST(ReadPreprocess, TakesNamesAndFiles) {
  const TemporaryFolder folder;
  writeFile(folder / "x.preprocess.json", whole);
  EXPECT_EQ(readPreprocess((folder / "x.preprocess.json").string()).size, 256);
  EXPECT_EQ(readPreprocess("inception").crop, (std::array{299, 299}));
}

TEST(ReadPreprocess, TellsMissingFilesFromUnknownNames) {
  expectError(ErrorCode::FileNotFound, [] { readPreprocess("missing.json"); });
  expectError(ErrorCode::MalformedPreprocess, [] { readPreprocess("no-such-name"); });
}

}  // namespace relprop::test
