// Names of any bytes in text that people read.
#include "relprop/text.h"

#include <gtest/gtest.h>

namespace relprop {
namespace {

TEST(Text, WhatTerminalsWouldObeyIsShown) {
  EXPECT_EQ(visibleText("dog.jpg: 207 golden retriever · Σ 0.83 ÷ 2 – 犬 🐕"),
            "dog.jpg: 207 golden retriever · Σ 0.83 ÷ 2 – 犬 🐕");
  EXPECT_EQ(visibleText("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(visibleText(std::string_view("\x1b[2J\x07\0\x7f", 7)), "\\x1b[2J\\x07\\x00\\u007f");
  EXPECT_EQ(visibleText("\xC2\x9B"
                        "31m"),
            "\\u009b31m")
      << "C1 controls, which begin sequences as ESC [ does";
  EXPECT_EQ(visibleText("gpj.\xE2\x80\xAE"
                        "exe"),
            "gpj.\\u202eexe");
  EXPECT_EQ(visibleText(visibleText("\x1b\n\xFF")), visibleText("\x1b\n\xFF"));
}

// Every character that Unicode calls Bidi_Control, and its deprecated neighbours; joiners belong to words and emoji.
TEST(Text, WhatTurnsTheDirectionIsShown) {
  EXPECT_EQ(visibleText("\u061C\u200E\u200F"), "\\u061c\\u200e\\u200f");
  EXPECT_EQ(visibleText("\u202A\u202B\u202C\u202D\u202E"), "\\u202a\\u202b\\u202c\\u202d\\u202e");
  EXPECT_EQ(visibleText("\u2066\u2067\u2068\u2069\u206A\u206F"), "\\u2066\\u2067\\u2068\\u2069\\u206a\\u206f");
  EXPECT_EQ(visibleText("\u061B\u061D\u200C\u200D\u2010\u202F\u2065\u2070"),
            "\u061B\u061D\u200C\u200D\u2010\u202F\u2065\u2070");
}

TEST(Text, BytesThatAreNoUtf8) {
  // A lone byte, one that ends none, ones cut short, too long a form, half of a pair, beyond the last character.
  EXPECT_EQ(visibleText("\xFF|\x80|\xC3|\xE2\x82"), "\\xff|\\x80|\\xc3|\\xe2\\x82");
  EXPECT_EQ(validUtf8("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(validUtf8("\xE0\x9F\xBF"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(validUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(validUtf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(validUtf8("\xEF\xBF\xBF\xF4\x8F\xBF\xBF\xED\x9F\xBF"), "\xEF\xBF\xBF\xF4\x8F\xBF\xBF\xED\x9F\xBF");
  EXPECT_EQ(validUtf8("a\nb"), "a\nb");
  EXPECT_EQ(validUtf8(""), "");
}

}  // namespace
}  // namespace relprop
