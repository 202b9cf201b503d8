#include "image/preprocess_hugging_face.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

#include "image/preprocess_check.h"
#include "image/preprocess_entries.h"
#include "image/preprocess_processors.h"

namespace relprop {
namespace {

// Keys that are read, and those that say nothing about the pixels: pictures are RGB here, and nothing is padded.
constexpr std::string_view kHuggingFaceKeys[] = {"_name_or_path",
                                                 "_processor_class",
                                                 "_valid_processor_keys",
                                                 "auto_map",
                                                 "crop_pct",
                                                 "crop_size",
                                                 "data_format",
                                                 "default_to_square",
                                                 "device",
                                                 "disable_grouping",
                                                 "do_center_crop",
                                                 "do_convert_rgb",
                                                 "do_flip_channel_order",
                                                 "do_normalize",
                                                 "do_pad",
                                                 "do_reduce_labels",
                                                 "do_rescale",
                                                 "do_resize",
                                                 "feature_extractor_type",
                                                 "image_mean",
                                                 "image_processor_type",
                                                 "image_std",
                                                 "include_top",
                                                 "input_data_format",
                                                 "name_or_path",
                                                 "pad_size",
                                                 "processor_class",
                                                 "reduce_labels",
                                                 "resample",
                                                 "rescale_factor",
                                                 "rescale_offset",
                                                 "return_tensors",
                                                 "size",
                                                 "transformers_version"};

// One file, read key by key.
class HuggingFaceFile {
 public:
  HuggingFaceFile(const Entries::Json& root, const std::string& where) : e_(root, where), where_(where) {
    type_ = e_.text(e_.has("image_processor_type") ? "image_processor_type" : "feature_extractor_type");
    known_ = imageProcessor(type_);
    p_.name = where;
  }
  Preprocess read();

 private:
  using Sides = std::array<int, 2>;

  bool is(const std::string& name) const { return known_ != nullptr && known_->name == name; }
  bool isNamed() const { return !type_.empty(); }
  // What the processor has by itself, and what is guessed of one that is not known.
  void assume(const std::string& value) { assumed_.push_back(value); }
  void guess(const std::string& what) { guesses_.push_back(what); }
  void assumeWithout(const std::string& key, const std::string& value) {
    if (!e_.has(key)) assume(fmt::format("{} {}", key, value));
  }
  std::string wanted(const std::string& what) const;
  std::optional<Sides> heightAndWidth(const std::string& key) const;

  void readSize();
  void sizeByItself();
  void sizeOfNumber(int side);
  void bothSides(int height, int width);
  void shorterSide(int side);
  void ofConvNext(int side);
  void ofPoolFormer(int height, int width);
  double shareOfPoolFormer();
  void readCrop();
  Sides cropSize();
  void cropBeforeResize();
  void readNumbers();
  bool normalises();
  std::vector<double> numbersOf(const std::string& key, std::vector<double> PixelNumbers::*byItself);
  void divideAgain(bool normalised);
  void requireNumbers() const;
  void readOrder();
  void readFilter();
  void noteAssumptions();
  void noteUnread();

  const Entries e_;
  const std::string& where_;
  std::string type_;  // as the file names it; empty where it does not
  const ImageProcessor* known_ = nullptr;
  Preprocess p_;
  std::vector<std::string> assumed_, guesses_;
};

std::string HuggingFaceFile::wanted(const std::string& what) const {
  return isNamed() ? fmt::format("{}: what {} takes by itself is not known here", what, type_) : what;
}

// Nothing where the key's value names neither, or null.
std::optional<HuggingFaceFile::Sides> HuggingFaceFile::heightAndWidth(const std::string& key) const {
  const Entries sides(e_.at(key), where_);
  if (!sides.has("height") || !sides.has("width")) return std::nullopt;
  return Sides{e_.side(key, sides.at("height")), e_.side(key, sides.at("width"))};
}

// ---- size

void HuggingFaceFile::readSize() {
  if (!isNamed() && !e_.has("do_resize") && !e_.has("size"))
    guess("without a size pictures are brought to the network's");
  if (!e_.flag("do_resize", isNamed() || e_.has("size"))) return;
  if (!e_.has("size")) return sizeByItself();
  const Entries::Json& size = e_.at("size");
  if (size.is_number()) return sizeOfNumber(e_.side("size", size));
  if (size.is_array() && size.size() == 2) return bothSides(e_.side("size", size[0]), e_.side("size", size[1]));
  if (const std::optional<Sides> sides = heightAndWidth("size")) return bothSides((*sides)[0], (*sides)[1]);
  const Entries edges(size, where_);
  if (!edges.has("shortest_edge") || edges.has("longest_edge")) e_.reject("size", "height and width, or shortest_edge");
  shorterSide(e_.side("size", edges.at("shortest_edge")));
}

void HuggingFaceFile::sizeByItself() {
  if (known_ == nullptr) e_.reject("size", wanted("a number, or an object"));
  assume(fmt::format("size {}", known_->size));
  known_->shorter ? shorterSide(known_->size) : bothSides(known_->size, known_->size);
}

// In older files one number, whose meaning is its processor's. Most of those that cut the centre out mean the shorter
// side.
void HuggingFaceFile::sizeOfNumber(int side) {
  const bool shorter = known_ != nullptr ? known_->shorter : e_.has("crop_size");
  shorter ? shorterSide(side) : bothSides(side, side);
  if (known_ == nullptr)
    guess(fmt::format("its size {} is taken for {}", side, shorter ? "the shorter side" : "both sides"));
}

void HuggingFaceFile::bothSides(int height, int width) {
  if (is("PoolFormer")) return ofPoolFormer(height, width);
  if (is("ConvNext")) e_.reject("size", "shortest_edge, the only one that ConvNextImageProcessor takes");
  if (known_ == nullptr && e_.has("crop_pct"))
    e_.reject("crop_pct", "nothing: what it means beside two sides is known of PoolFormerImageProcessor only");
  setSides(p_, height, width);
}

// LeViT resizes to 256/224 of what it names.
void HuggingFaceFile::shorterSide(int side) {
  p_.resize = Preprocess::Resize::ShorterSide, p_.size = side;
  if (is("Levit")) p_.size = e_.wholeOf("size", side, 224.0 / 256);
  if (is("PoolFormer")) p_.size = e_.wholeOf("crop_pct", side, shareOfPoolFormer());
  if (is("ConvNext") || (known_ == nullptr && e_.has("crop_pct"))) ofConvNext(side);
}

// Small pictures are cut out of larger ones, and large ones warped.
void HuggingFaceFile::ofConvNext(int side) {
  constexpr int kWarpedFrom = 384;
  const double share = e_.share("crop_pct", 224.0 / 256);
  if (known_ == nullptr) guess("its crop_pct is taken as ConvNextImageProcessor takes it");
  if (side >= kWarpedFrom) return setSides(p_, side, side);
  assumeWithout("crop_pct", fmt::format("{}", share));
  p_.size = e_.wholeOf("crop_pct", side, share);
  p_.crop = {side, side};
}

double HuggingFaceFile::shareOfPoolFormer() {
  const double share = e_.share("crop_pct", 0.9);
  assumeWithout("crop_pct", fmt::format("{}", share));
  return share;
}

// Two equal sides are the shorter one to it.
void HuggingFaceFile::ofPoolFormer(int height, int width) {
  if (height == width) return shorterSide(height);
  const double share = shareOfPoolFormer();
  setSides(p_, e_.wholeOf("crop_pct", height, share), e_.wholeOf("crop_pct", width, share));
}

// ---- crop

void HuggingFaceFile::readCrop() {
  const bool byItself = known_ != nullptr ? known_->crops : e_.has("crop_size");
  if (!byItself && e_.has("crop_size")) assumeWithout("do_center_crop", "false");
  if (!e_.flag("do_center_crop", byItself)) return;
  if (is("Perceiver")) return cropBeforeResize();
  p_.crop = cropSize();
}

HuggingFaceFile::Sides HuggingFaceFile::cropSize() {
  const int byItself = known_ != nullptr ? known_->crop : 0;
  if (!e_.has("crop_size") && byItself == 0) e_.reject("crop_size", wanted("a number, or height and width"));
  assumeWithout("crop_size", std::to_string(byItself));
  if (!e_.has("crop_size")) return {byItself, byItself};
  if (const std::optional<Sides> sides = heightAndWidth("crop_size")) return *sides;
  const int side = e_.side("crop_size", e_.at("crop_size"));
  return {side, side};
}

// Perceiver cuts size/crop_size of the shorter side out of the middle and resizes that to size.
void HuggingFaceFile::cropBeforeResize() {
  const Sides crop = cropSize();
  const bool square = p_.resize == Preprocess::Resize::Warp && p_.sides == Sides{0, 0} && crop[0] == crop[1];
  if (!square || crop[0] < p_.size) e_.reject("crop_size", "equal sides, at least as long as those of size");
  p_.crop = {p_.size, p_.size};
  p_.resize = Preprocess::Resize::ShorterSide, p_.size = crop[0];
  p_.notes.push_back(
      fmt::format("{} crops before it resizes; here it is the other way round, which may differ by a "
                  "pixel at the edge",
                  where_));
}

// ---- numbers

void HuggingFaceFile::readNumbers() {
  const bool rescaled = e_.flag("do_rescale", true), normalised = normalises();
  p_.scale = rescaled ? e_.number("rescale_factor", 1.0 / 255) : 1;
  if (normalised) p_.mean = numbersOf("image_mean", &PixelNumbers::mean);
  if (normalised) p_.std = numbersOf("image_std", &PixelNumbers::std);
  // One is subtracted before the mean is.
  if (rescaled && e_.flag("rescale_offset", false))
    for (double& mean : p_.mean) mean += 1;
  requireNumbers();
  if (is("EfficientNet") || is("EfficientNetFast")) divideAgain(normalised);
}

bool HuggingFaceFile::normalises() {
  if (known_ != nullptr) return e_.flag("do_normalize", known_->numbers != nullptr);
  if (!isNamed() && !e_.has("do_normalize") && !e_.has("image_mean")) guess("without a mean none is subtracted");
  return e_.flag("do_normalize", isNamed() || e_.has("image_mean"));
}

std::vector<double> HuggingFaceFile::numbersOf(const std::string& key, std::vector<double> PixelNumbers::*byItself) {
  if (e_.has(key)) return e_.numbers(key);
  if (known_ == nullptr || known_->numbers == nullptr) e_.reject(key, wanted("a list of numbers"));
  const std::vector<double>& values = known_->numbers->*byItself;
  assume(fmt::format("{} [{}]", key, fmt::join(values, ", ")));
  return values;
}

// EfficientNet with its top divides by the standard deviation once more, be there a mean or not.
void HuggingFaceFile::divideAgain(bool normalised) {
  assumeWithout("include_top", "true");
  if (!e_.flag("include_top", true)) return;
  if (!normalised) p_.std = numbersOf("image_std", &PixelNumbers::std);
  if (normalised)
    for (double& divisor : p_.std) divisor *= divisor;
  requireNumbers();
}

// By the keys of the file.
void HuggingFaceFile::requireNumbers() const {
  if (const std::optional<BadNumbers> bad = badNumbers(p_))
    e_.reject(bad->key == "scale" ? "rescale_factor" : "image_" + bad->key, bad->expected);
}

void HuggingFaceFile::readOrder() {
  if (is("MobileViT")) assumeWithout("do_flip_channel_order", "true");
  p_.bgr = e_.flag("do_flip_channel_order", is("MobileViT"));
}

void HuggingFaceFile::readFilter() {
  if (p_.resize == Preprocess::Resize::None) return;
  if (!e_.has("resample")) return noteFilter(p_, known_ != nullptr ? known_->filter : "bilinear");
  const Entries::Json& value = e_.at("resample");
  const double filter = value.is_number_integer() ? value.get<double>() : -1;
  if (filter < 0 || filter >= static_cast<double>(std::size(kPillowFilters)))
    e_.reject("resample", fmt::format("Pillow's number for a filter, 0 to {}", std::size(kPillowFilters) - 1));
  noteFilter(p_, kPillowFilters[static_cast<std::size_t>(filter)]);
}

void HuggingFaceFile::noteAssumptions() {
  if (!guesses_.empty())
    p_.notes.push_back(fmt::format("{} names {}: {}", where_,
                                   isNamed() ? type_ + ", which is not known here" : "no processor",
                                   fmt::join(guesses_, "; ")));
  if (!assumed_.empty())
    p_.notes.push_back(fmt::format("{} leaves out what {} has by itself, which is taken: {}", where_, type_,
                                   fmt::join(assumed_, ", ")));
}

// What is null or false is asked for by nobody.
void HuggingFaceFile::noteUnread() {
  std::vector<std::string> unread;
  for (const auto& [key, value] : e_.all().items()) {
    const bool known =
        std::find(std::begin(kHuggingFaceKeys), std::end(kHuggingFaceKeys), key) != std::end(kHuggingFaceKeys);
    if (!known && !value.is_null() && value != false) unread.push_back(key);
  }
  if (!unread.empty())
    p_.notes.push_back(
        fmt::format("{} has keys that are not known here and not obeyed: {}", where_, fmt::join(unread, ", ")));
}

Preprocess HuggingFaceFile::read() {
  if (e_.flag("do_pad", false)) e_.reject("do_pad", "false: padding is not known here");
  readSize();
  readCrop();
  readNumbers();
  readOrder();
  readFilter();
  noteAssumptions();
  noteUnread();
  return p_;
}

}  // namespace

Preprocess huggingFacePreprocess(const nlohmann::ordered_json& root, const std::string& where) {
  return HuggingFaceFile(root, where).read();
}

}  // namespace relprop
