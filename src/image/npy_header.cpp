#include "image/npy_header.h"

#include <charconv>

#include "relprop/error.h"

namespace relprop {

namespace {

// Reads the dictionary of literals that numpy writes: no more of Python than that.
class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader parse() {
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      readValue(key);
      if (!take(',') && peek() != '}') fail("no comma or } behind \"" + key + "\"");
    }
    if (peek() != '\0') fail("text behind the dictionary");
    if (seen_ != (kDescr | kOrder | kShape)) fail("descr, fortran_order or shape is missing");
    return header_;
  }

 private:
  enum : unsigned { kDescr = 1, kOrder = 2, kShape = 4 };

  [[noreturn]] void fail(const std::string& got) const {
    throw Error(ErrorCode::MalformedTensor, name_, "header: " + got, "{'descr': …, 'fortran_order': …, 'shape': …}");
  }
  char peek() {
    const std::size_t next = text_.find_first_not_of(" \n\r\t");
    text_.remove_prefix(next == std::string_view::npos ? text_.size() : next);
    return text_.empty() ? '\0' : text_.front();
  }
  bool take(char letter) {
    if (peek() != letter) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char letter) {
    if (!take(letter)) fail(std::string("no ") + letter + " where one belongs");
  }
  bool takeWord(std::string_view word) {
    peek();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("no quoted text where one belongs (structured types are not handled)");
    text_.remove_prefix(1);
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) fail("an unfinished text");
    const std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    if (takeWord("True")) return true;
    if (takeWord("False")) return false;
    fail("fortran_order is neither True nor False");
  }
  std::int64_t extent() {
    peek();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc{} || value < 0) fail("an extent of the shape that is no number from 0 to 2^63");
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    takeWord("L");  // Python 2 wrote long integers so
    return value;
  }
  Shape tuple() {
    constexpr std::size_t mostDimensions = 32;
    Shape shape;
    expect('(');
    while (!take(')')) {
      shape.push_back(extent());
      if (shape.size() > mostDimensions) fail("more than 32 dimensions");
      if (!take(',') && peek() != ')') fail("no comma or ) in the shape");
    }
    return shape;
  }
  void readValue(const std::string& key) {
    if (key == "descr") {
      header_.type = quoted();
      seen_ |= kDescr;
    } else if (key == "fortran_order") {
      header_.fortranOrder = boolean();
      seen_ |= kOrder;
    } else if (key == "shape") {
      header_.shape = tuple();
      seen_ |= kShape;
    } else {
      fail("unknown key \"" + key + "\"");
    }
  }

  std::string_view text_;
  const std::string& name_;
  NpyHeader header_;
  unsigned seen_ = 0;
};

}  // namespace

NpyHeader parseNpyHeader(std::string_view text, const std::string& name) {
  return Parser(text, name).parse();
}

}  // namespace relprop
