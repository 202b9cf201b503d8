#include "fuzz/archive_damage.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "fuzz/dice.h"
#include "fuzz/harness.h"
#include "fuzz/json_damage.h"

namespace relprop::fuzz {

namespace {

using Content = std::vector<std::uint8_t>;
struct Entry {
  std::string name;
  Content content;
};

constexpr std::size_t kHeader = 10;         // of version 1.0: magic, version, length of the text behind it
constexpr std::size_t kMostData = 1 << 14;  // bytes of an array
constexpr std::array kTypes = {"<f4", "<f8", "<f2", "<i4", "<i8", "|u1", "|i1",
                               "|b1", "<u2", ">f4", "<U1", "|S3", "<c8"};
constexpr std::array<std::int64_t, 10> kExtents = {0, 1, 2, 3, 4, 7, 10, 64, 2147483648, -1};
constexpr std::array<double, 12> kNumbers = {0, 1, -1, 2, 0.5, 1e-30, 1e30, 3e38, -1e30, 255, 2147483648.0, 9.3e18};

// An array as text and data; what is no array of version 1.0 has no text.
struct Array {
  std::string text;
  Content data;

  explicit Array(const Content& content) {
    if (content.size() < kHeader || content[0] != 0x93 || content[6] != 1) return;
    const std::size_t length = std::min<std::size_t>(content[8] + 256u * content[9], content.size() - kHeader);
    const auto start = content.begin() + kHeader, end = start + static_cast<std::ptrdiff_t>(length);
    text.assign(start, end);
    data.assign(end, content.end());
  }
  Content bytes() const {
    Content all = {0x93,
                   'N',
                   'U',
                   'M',
                   'P',
                   'Y',
                   1,
                   0,
                   static_cast<std::uint8_t>(text.size() % 256),
                   static_cast<std::uint8_t>(text.size() / 256)};
    all.insert(all.end(), text.begin(), text.end());
    all.insert(all.end(), data.begin(), data.end());
    return all;
  }
  // Of one value: the last digit of "<f8".
  std::size_t width() const {
    const std::size_t end = text.find('\'', text.find_first_of("<>|"));
    return end == text.npos || end == 0 ? 1 : std::clamp(text[end - 1] - '0', 1, 8);
  }
  // As many bytes as the text announces, where these are few.
  void fit() {
    std::size_t count = width();
    const std::size_t last = std::min(text.find(')'), text.size());
    for (std::size_t at = std::min(text.find('('), last); at < last && count <= kMostData;) {
      at = std::min(text.find_first_of("0123456789", at), last);
      const std::size_t end = std::min(text.find_first_not_of("0123456789", at), last);
      if (at < end) count *= std::stoull(text.substr(at, std::min<std::size_t>(end - at, 12)));
      at = end;
    }
    if (count <= kMostData) data.resize(count, 1);
  }
};

class ArchiveDamage : Dice {
 public:
  ArchiveDamage(std::vector<Entry> entries, std::mt19937& random) : Dice(random), entries_(std::move(entries)) {}

  void once() {
    if (entries_.empty()) return;
    Entry &entry = oneOf(entries_), &other = oneOf(entries_);
    switch (below(40)) {  // without an entry most archives are refused at once
      case 0:
        return void(entries_.erase(entries_.begin() + (&entry - entries_.data())));
      case 1:
        return std::swap(entry.name, other.name);
      case 2:
        return void(entry.content = other.content);
      case 3:
        return void(entry.name += "x");
      default:
        return array(entry.content);
    }
  }
  void array() { array(entries_.front().content); }
  const Content& content() const { return entries_.front().content; }
  Content bytes() const {
    Content all;
    for (const Entry& entry : entries_) appendPart(all, entry.name, entry.content);
    return all;
  }

 private:
  // Values, mostly; else an extent, one more of them, or the type.
  void array(Content& content) {
    Array array(content);
    const std::size_t shape = array.text.find('('), type = array.text.find_first_of("<>|");
    if (shape == array.text.npos || type == array.text.npos) return text(content);
    switch (below(8)) {
      case 0: {
        const std::size_t end = std::min(array.text.find_first_of(",)", shape), array.text.size());
        array.text.replace(shape + 1, end - shape - 1, std::to_string(oneOf(kExtents)));
        break;
      }
      case 1:
        array.text.insert(shape + 1, std::to_string(oneOf(kExtents)) + ",");
        break;
      case 2:
        array.text.replace(type, 3, oneOf(kTypes));
        break;
      default:
        value(array);
    }
    array.fit();
    content = array.bytes();
  }
  // A number as a float or an integer of the array's width, or bits at random.
  void value(Array& array) {
    const std::size_t width = array.width();
    if (array.data.size() < width) return;
    const double number = oneOf(kNumbers);
    std::uint64_t bits = random_() * std::uint64_t{0x100000001};
    switch (below(4)) {
      case 0:
        bits = std::bit_cast<std::uint32_t>(static_cast<float>(number));
        if (width == 8) bits = std::bit_cast<std::uint64_t>(number);
        break;
      case 1:
        bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(std::clamp(number, -9.2e18, 9.2e18)));
        break;
      case 2:
        bits = width == 8 ? 0x7ff8000000000000 : 0x7f800000;
        break;
      default:
        break;
    }
    std::memcpy(array.data.data() + below(array.data.size() / width) * width, &bits, width);
  }
  void text(Content& content) {
    if (std::optional<Content> damaged = damagedJson(content, random_))
      content = *std::move(damaged);
    else if (!content.empty())
      oneOf(content) = static_cast<std::uint8_t>(random_());
  }

  std::vector<Entry> entries_;
};

}  // namespace

std::optional<Content> damagedArchive(Bytes bytes, std::mt19937& random) {
  std::vector<Entry> entries;
  for (const Part& part : partsOf(bytes)) entries.push_back({part.name, copyOf(part.bytes)});
  if (entries.empty()) return {};
  ArchiveDamage damage(std::move(entries), random);
  for (std::size_t times = 1 + random() % 4; times > 0; --times) damage.once();
  return damage.bytes();
}

std::optional<Content> damagedArray(Bytes bytes, std::mt19937& random) {
  if (Array(copyOf(bytes)).text.empty()) return {};
  ArchiveDamage damage({{"array", copyOf(bytes)}}, random);
  for (std::size_t times = 1 + random() % 3; times > 0; --times) damage.array();
  return damage.content();
}

}  // namespace relprop::fuzz
