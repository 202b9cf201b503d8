#include "fuzz/picture_damage.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "fuzz/dice.h"
#include "fuzz/harness.h"

namespace relprop::fuzz {

namespace {

using Content = std::vector<std::uint8_t>;

// A chunk or segment; what stands between or behind them has no name.
struct Piece {
  Content name, content;
};
struct Container {
  std::vector<Piece> (*split)(Bytes);
  Content (*join)(const std::vector<Piece>&);
  std::vector<std::string_view> names;  // that a piece may get
};

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n", kRiff = "RIFF", kWebP = "WEBP", kJpeg = "\xff\xd8";

bool startsWith(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::equal(text.begin(), text.end(), bytes.begin(), [](char a, std::uint8_t b) {
           return static_cast<std::uint8_t>(a) == b;
         });
}
void append(Content& all, std::string_view text) {
  all.insert(all.end(), text.begin(), text.end());
}
void append(Content& all, const Content& more) {
  all.insert(all.end(), more.begin(), more.end());
}
void appendNumber(Content& all, std::size_t number, std::initializer_list<int> shifts) {
  for (const int shift : shifts) all.push_back(static_cast<std::uint8_t>(number >> shift));
}
std::size_t numberOf(Bytes bytes, std::initializer_list<int> shifts) {
  std::size_t number = 0, at = 0;
  for (const int shift : shifts) number |= std::size_t{bytes[at++]} << shift;
  return number;
}
Piece pieceOf(Bytes name, Bytes content) {
  return {copyOf(name), copyOf(content)};
}

constexpr auto kBig = {24, 16, 8, 0}, kLittle = {0, 8, 16, 24}, kShort = {8, 0};

std::vector<Piece> splitPng(Bytes bytes) {
  std::vector<Piece> pieces;
  for (bytes = bytes.subspan(kPng.size()); bytes.size() >= 12;) {
    const std::size_t size = std::min(numberOf(bytes, kBig), bytes.size() - 12);
    pieces.push_back(pieceOf(bytes.subspan(4, 4), bytes.subspan(8, size)));
    bytes = bytes.subspan(size + 12);
  }
  return pieces;
}
Content joinPng(const std::vector<Piece>& pieces) {
  Content all;
  append(all, kPng);
  for (const Piece& piece : pieces) {
    appendNumber(all, piece.content.size(), kBig);
    const std::size_t start = all.size();
    append(all, piece.name);
    append(all, piece.content);
    appendNumber(all, crc32(0, all.data() + start, static_cast<uInt>(all.size() - start)), kBig);
  }
  return all;
}

std::vector<Piece> splitWebP(Bytes bytes) {
  std::vector<Piece> pieces;
  for (bytes = bytes.subspan(12); bytes.size() >= 8;) {
    const std::size_t size = std::min(numberOf(bytes.subspan(4), kLittle), bytes.size() - 8);
    pieces.push_back(pieceOf(bytes.first(4), bytes.subspan(8, size)));
    bytes = bytes.subspan(std::min(8 + size + size % 2, bytes.size()));
  }
  return pieces;
}
Content joinWebP(const std::vector<Piece>& pieces) {
  Content chunks, all;
  append(chunks, kWebP);
  for (const Piece& piece : pieces) {
    append(chunks, piece.name);
    appendNumber(chunks, piece.content.size(), kLittle);
    append(chunks, piece.content);
    if (piece.content.size() % 2) chunks.push_back(0);
  }
  append(all, kRiff);
  appendNumber(all, chunks.size(), kLittle);
  append(all, chunks);
  return all;
}

// The rows of pixels are the rest behind the last segment.
std::vector<Piece> splitJpeg(Bytes bytes) {
  std::vector<Piece> pieces;
  bytes = bytes.subspan(kJpeg.size());
  for (bool scan = false; bytes.size() >= 4 && bytes[0] == 0xff && !scan;) {
    const std::size_t size = std::clamp<std::size_t>(numberOf(bytes.subspan(2), kShort), 2, bytes.size() - 2);
    pieces.push_back(pieceOf(bytes.first(2), bytes.subspan(4, size - 2)));
    scan = bytes[1] == 0xda;
    bytes = bytes.subspan(size + 2);
  }
  pieces.push_back(pieceOf({}, bytes));
  return pieces;
}
Content joinJpeg(const std::vector<Piece>& pieces) {
  Content all;
  append(all, kJpeg);
  for (const Piece& piece : pieces) {
    append(all, piece.name);
    if (!piece.name.empty()) appendNumber(all, piece.content.size() + 2, kShort);
    append(all, piece.content);
  }
  return all;
}

class PictureDamage : Dice {
 public:
  PictureDamage(std::vector<Piece>& pieces, const Container& container, std::mt19937& random)
      : Dice(random), pieces_(pieces), container_(container) {}

  void once() {
    Piece &piece = oneOf(pieces_), &other = oneOf(pieces_);
    switch (below(16)) {
      case 0:
        if (pieces_.size() > 1) pieces_.erase(pieces_.begin() + (&piece - pieces_.data()));
        return;
      case 1:
        return void(pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(below(pieces_.size())), Piece(piece)));
      case 2:
        return std::swap(piece, other);
      case 3:
        return void(piece.content = other.content);
      case 4:
        return piece.content.resize(below(2) ? below(piece.content.size() + 1) : piece.content.size() + below(9));
      case 5: {
        const std::string_view name = oneOf(container_.names);
        return void(piece.name.assign(name.begin(), name.end()));
      }
      default:
        return content(piece.content);
    }
  }

 private:
  // Close to the start, mostly, where sizes and kinds are.
  void content(Content& bytes) {
    if (bytes.empty()) return;
    constexpr std::array<std::uint8_t, 12> kOdd = {0, 1, 2, 3, 4, 6, 8, 16, 0x7f, 0x80, 0xfe, 0xff};
    const std::size_t at = below(std::min<std::size_t>(bytes.size(), below(4) ? 24 : bytes.size()));
    for (std::size_t i = at; i < std::min(bytes.size(), at + 1 + below(4)); ++i)
      bytes[i] = below(2) ? oneOf(kOdd) : static_cast<std::uint8_t>(random_());
  }

  std::vector<Piece>& pieces_;
  const Container& container_;
};

const Container* containerOf(Bytes bytes) {
  static const Container png{
      splitPng, joinPng, {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "eXIf", "gAMA", "acTL", "fdAT"}};
  static const Container webP{splitWebP, joinWebP, {"VP8 ", "VP8L", "VP8X", "EXIF", "ALPH", "ANIM", "ANMF", "ICCP"}};
  static const Container jpeg{
      splitJpeg,
      joinJpeg,
      {"\xff\xe1", "\xff\xee", "\xff\xc0", "\xff\xc2", "\xff\xc4", "\xff\xdb", "\xff\xdd", "\xff\xda"}};
  if (startsWith(bytes, kPng)) return &png;
  if (startsWith(bytes, kRiff) && bytes.size() > 12) return &webP;
  return startsWith(bytes, kJpeg) ? &jpeg : nullptr;
}

}  // namespace

std::optional<Content> damagedPicture(Bytes bytes, std::mt19937& random) {
  const Container* container = containerOf(bytes);
  if (!container) return {};
  std::vector<Piece> pieces = container->split(bytes);
  if (pieces.empty()) return {};
  PictureDamage damage(pieces, *container, random);
  for (std::size_t times = 1 + random() % 3; times > 0; --times) damage.once();
  return container->join(pieces);
}

}  // namespace relprop::fuzz
