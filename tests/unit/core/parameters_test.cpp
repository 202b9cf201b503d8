// Numbers in "name:key=value": what they are read as, and the one text that each has in a name.
#include "core/parameters.h"

#include <gtest/gtest.h>

#include "unit/core/failure.h"

namespace relprop {
namespace {

Parameters given(std::map<std::string, std::string> values) {
  return {ErrorCode::InvalidArgument, "thing", std::move(values)};
}

std::string numberText(const std::string& text) {
  Parameters p = given({{"key", text}});
  p.number("key", 1);
  return p.complete("name");
}

std::string wholeText(const std::string& text) {
  Parameters p = given({{"key", text}});
  p.whole("key", 1, -100, 1 << 24);
  return p.complete("name");
}

TEST(Parameters, ANumberHasOneTextHoweverItIsWritten) {
  for (const char* text : {"0.25", ".25", "0.250", "+0.25", "2.5e-1", "25E-2", "00.25"})
    EXPECT_EQ(numberText(text), "name:key=0.25") << text;
  for (const char* text : {"4", "04", "4.0", "4.", "+4", "4e0"}) {
    EXPECT_EQ(numberText(text), "name:key=4") << text;
    EXPECT_EQ(wholeText(text), "name:key=4") << text;
  }
  for (const char* text : {"0", "-0", "0.000", "0e9"}) {
    EXPECT_EQ(numberText(text), "name:key=0") << text;
    EXPECT_EQ(wholeText(text), "name:key=0") << text;
  }
  Parameters p = given({{"key", "0.50"}});
  EXPECT_EQ(p.numberFrom("key", 0, 0, 1), 0.5f);
  EXPECT_EQ(p.complete("name"), "name:key=0.5");
}

// Names in stores stay what they are.
TEST(Parameters, ATextThatIsTheShortestStays) {
  for (const char* text : {"0.25", "0.1", "0.05", "-1.5", "15", "1000000", "0.0001", "1e-06", "1.5e-05", "0.12345679"})
    EXPECT_EQ(numberText(text), std::string("name:key=") + text);
  for (const char* text : {"1", "20", "-3", "100000", "16777216"})
    EXPECT_EQ(wholeText(text), std::string("name:key=") + text);
}

TEST(Parameters, ADefaultHasTheTextOfTheSameNumberGiven) {
  for (const float value : {0.0f, 0.1f, 1e-6f, 0.3f, 2.0f, 1e6f}) {
    Parameters silent = given({});
    silent.number("key", value);
    const std::string text = silent.complete("name");
    EXPECT_EQ(numberText(text.substr(text.find('=') + 1)), text);
  }
}

TEST(Parameters, AnOptionalKeyIsLeftOutWhereItSaysItsDefault) {
  const auto textOf = [](std::map<std::string, std::string> values) {
    Parameters p = given(std::move(values));
    p.optional("samples", "how many", "0");
    p.whole("samples", 0, 0, 100);
    return p.complete("name");
  };
  EXPECT_EQ(textOf({}), "name");
  for (const char* none : {"0", "00", "0.0"}) EXPECT_EQ(textOf({{"samples", none}}), "name") << none;
  for (const char* five : {"5", "05", "5.0"}) EXPECT_EQ(textOf({{"samples", five}}), "name:samples=5") << five;
}

TEST(Parameters, ATextThatIsANumberIsSpelledLikeOne) {
  for (const auto& [value, text] :
       {std::pair{0.5, "0.5"}, {-0.0, "0"}, {96.0, "96"}, {0.1234567890123, "0.1234567890123"}}) {
    Parameters p = given({{"key", "as it was written"}});
    p.text("key", "", "a text");
    p.spell("key", value);
    EXPECT_EQ(p.complete("name"), std::string("name:key=") + text);
  }
}

TEST(Parameters, ErrorsQuoteWhatWasWritten) {
  const auto failing = [](const std::string& text, auto read) {
    const Error e = test::failureOf([&] {
      Parameters p = given({{"key", text}});
      read(p);
    });
    EXPECT_EQ(e.code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(e.where(), "thing, key");
    EXPECT_EQ(e.got(), "'" + text + "'");
    return e.expected();
  };
  for (const char* text : {"", "x", "nan", "inf", "1e99", "0.5x"})
    EXPECT_EQ(failing(text, [](Parameters& p) { p.number("key", 0); }), "a finite number");
  for (const char* text : {"02.50", "-1e0"})
    EXPECT_EQ(failing(text, [](Parameters& p) { p.numberFrom("key", 0, 0, 1); }), "a number from 0 to 1");
  for (const char* text : {"02.50", "11.0", "-1"})
    EXPECT_EQ(failing(text, [](Parameters& p) { p.whole("key", 0, 0, 10); }), "a whole number from 0 to 10");
}

}  // namespace
}  // namespace relprop
