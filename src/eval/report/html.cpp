#include "eval/report/html.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "relprop/text.h"

namespace relprop::eval {
namespace {

// The script stands in the head, so that the chosen theme is there before anything is drawn.
constexpr const char* kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{root}report.css">
<script src="{root}report.js"></script>
</head>
<body>
<a class="skip-link" href="#content">To the content</a>
<header class="bar">
<a class="brand" href="{root}index.html"><span class="mark" aria-hidden="true"></span>{title}</a>
<nav aria-label="Sections">{navigation}</nav>
<button type="button" class="theme" data-theme-switch aria-label="Dark theme" aria-pressed="false"><span aria-hidden="true">◐</span></button>
</header>
<main id="content">
{body}</main>
<footer>Written by relprop. Nothing on these pages comes from a network.</footer>
</body>
</html>
)";

// A mark that turns the direction of what follows, U+202A to U+202E or U+2066 to U+2069: a name could look like another
// one, and so could what stands behind it.
bool turnsDirection(std::string_view letter) {
  return (letter >= "\xE2\x80\xAA" && letter <= "\xE2\x80\xAE") ||
         (letter >= "\xE2\x81\xA6" && letter <= "\xE2\x81\xA9");
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  const std::string valid = validUtf8(text);
  for (std::size_t i = 0; i < valid.size(); ++i) {
    if (const auto letter = std::string_view(valid).substr(i, 3); turnsDirection(letter)) {
      result += visibleText(letter), i += 2;
      continue;
    }
    const char c = valid[i];
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:  // HTML has no other control characters, nor a way to write them
        result += (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F ? "\xEF\xBF\xBD"
                                                                                                : std::string(1, c);
    }
  }
  return result;
}

// "<" is the first letter of all that a browser could take for the end of the script or for a comment. File names need
// not be UTF-8.
std::string scriptJson(const nlohmann::ordered_json& data) {
  std::string text;
  for (const char c : data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return "<script type=\"application/json\">" + text + "</script>\n";
}

std::string htmlPage(const PageFrame& frame) {
  return fmt::format(kPage, fmt::arg("title", escaped(frame.title)), fmt::arg("root", frame.root),
                     fmt::arg("navigation", frame.navigation), fmt::arg("body", frame.body));
}

}  // namespace relprop::eval
