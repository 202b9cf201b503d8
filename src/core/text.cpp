#include "relprop/text.h"

#include <cstddef>
#include <cstdint>

namespace relprop {
namespace {

// One character, or a byte that begins none.
struct Character {
  std::string_view bytes;
  char32_t code = 0;
  bool valid = false;
};

// Of a character beyond ASCII.
std::size_t lengthOf(std::uint8_t first) {
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

// Neither written longer than needed nor half of a pair nor beyond the last character.
bool isScalar(char32_t code, std::size_t length) {
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  return code >= least[length] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

Character firstOf(std::string_view text) {
  if (const auto first = static_cast<std::uint8_t>(text[0]); first < 0x80) return {text.substr(0, 1), first, true};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::size_t length = lengthOf(byte(0));
  const Character broken{text.substr(0, 1), byte(0), false};
  if (length == 0 || length > text.size()) return broken;
  char32_t code = byte(0) & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return broken;
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  return isScalar(code, length) ? Character{text.substr(0, length), code, true} : broken;
}

template <class Write>
std::string rewritten(std::string_view text, const Write& write) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character next = firstOf(text);
    write(result, next);
    text.remove_prefix(next.bytes.size());
  }
  return result;
}

// What moves the cursor, colours, ends a line or turns the direction of writing: Unicode's Bidi_Control, and from
// U+206A on what once chose whether brackets are mirrored.
bool acts(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x206F);
}

std::string escapeOf(const Character& character) {
  constexpr std::string_view named = "\n\r\t", names = "nrt";
  if (const auto at = named.find(character.bytes); at != std::string_view::npos) return {'\\', names[at]};
  const bool byte = !character.valid || character.code < 0x20;
  std::string result = byte ? "\\x" : "\\u";
  for (int shift = byte ? 4 : 12; shift >= 0; shift -= 4) result += "0123456789abcdef"[character.code >> shift & 0xF];
  return result;
}

}  // namespace

std::string visibleText(std::string_view text) {
  return rewritten(text, [](std::string& result, const Character& next) {
    if (next.valid && !acts(next.code))
      result += next.bytes;
    else
      result += escapeOf(next);
  });
}

std::string validUtf8(std::string_view text) {
  return rewritten(text, [](std::string& result, const Character& next) {
    result += next.valid ? next.bytes : std::string_view("\xEF\xBF\xBD");
  });
}

}  // namespace relprop
