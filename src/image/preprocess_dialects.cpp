#include "image/preprocess_dialects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "image/preprocess_check.h"

namespace relprop {
namespace {

using Json = nlohmann::ordered_json;
using Resize = Preprocess::Resize;

constexpr double kByte = 1.0 / 255;

// An object of such a file; keys whose value is null count as missing.
class Entries {
 public:
  Entries(const Json& object, const std::string& where) : object_(object), where_(where) {}

  [[noreturn]] void reject(const std::string& key, const std::string& expected) const {
    rejectPreprocess(where_, key, has(key) ? object_.at(key).dump().substr(0, 60) : "missing", expected);
  }
  bool has(const std::string& key) const { return object_.contains(key) && !object_.at(key).is_null(); }
  const Json& at(const std::string& key) const { return object_.at(key); }
  bool flag(const std::string& key, bool fallback) const {
    if (!has(key)) return fallback;
    if (!at(key).is_boolean()) reject(key, "true or false");
    return at(key).get<bool>();
  }
  double number(const std::string& key, double fallback) const {
    if (!has(key)) return fallback;
    if (!at(key).is_number()) reject(key, "a number");
    return at(key).get<double>();
  }
  std::string text(const std::string& key) const {
    return has(key) && at(key).is_string() ? at(key).get<std::string>() : "";
  }
  std::vector<double> numbers(const std::string& key) const {
    if (has(key) && at(key).is_number()) return {at(key).get<double>()};
    if (!has(key) || !at(key).is_array()) reject(key, "a list of numbers");
    std::vector<double> values;
    for (const Json& value : at(key)) {
      if (!value.is_number()) reject(key, "a list of numbers");
      values.push_back(value.get<double>());
    }
    return values;
  }
  int side(const std::string& key, const Json& value) const {
    if (!value.is_number_integer() || value.get<double>() < 1 || value.get<double>() > 16384)
      reject(key, "whole numbers from 1 to 16384");
    return value.get<int>();
  }

 private:
  const Json& object_;
  const std::string& where_;
};

void noteFilter(Preprocess& p, const std::string& filter) {
  if (filter != "bilinear") p.notes.push_back(fmt::format("{} resizes by {}; bilinear is used here", p.name, filter));
}

// ---- Hugging Face

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::string processorOf(const Entries& e) {
  const std::string name = e.text("image_processor_type");
  return name.empty() ? e.text("feature_extractor_type") : name;
}

void setSides(Preprocess& p, int height, int width) {
  p.resize = Resize::Warp;
  if (height == width)
    p.size = height;
  else
    p.sides = {height, width};
}

// ConvNeXT cuts small pictures out of larger ones and warps large ones; LeViT resizes to 256/224 of what it names.
void resizeShorterSide(const Entries& e, Preprocess& p, int side) {
  constexpr int kWarpedFrom = 384;
  p.resize = Resize::ShorterSide, p.size = side;
  if (contains(processorOf(e), "Levit")) p.size = side * 256 / 224;
  if (!e.has("crop_pct")) return;
  if (side >= kWarpedFrom) return setSides(p, side, side);
  p.size = static_cast<int>(side / e.number("crop_pct", 1));
  p.crop = {side, side};
}

// In older files one number, whose meaning is its processor's.
void resizeByNumber(const Entries& e, Preprocess& p, int side) {
  const std::string processor = processorOf(e);
  const bool known = !processor.empty();
  const bool shorter = contains(processor, "CLIP") || contains(processor, "ConvNext") || contains(processor, "Levit") ||
                       contains(processor, "MobileNet") || contains(processor, "PoolFormer") ||
                       (!known && e.has("crop_size"));
  shorter ? resizeShorterSide(e, p, side) : setSides(p, side, side);
  if (!known)
    p.notes.push_back(fmt::format("{} names no processor: its size {} is taken for {}", p.name, side,
                                  shorter ? "the shorter side" : "both sides"));
}

void readSize(const Entries& e, Preprocess& p) {
  if (!e.flag("do_resize", e.has("size"))) return;
  if (!e.has("size")) e.reject("size", "a number, or an object");
  const Json& size = e.at("size");
  if (size.is_number()) return resizeByNumber(e, p, e.side("size", size));
  if (size.is_array() && size.size() == 2) return setSides(p, e.side("size", size[0]), e.side("size", size[1]));
  const bool object = size.is_object();
  if (object && size.contains("height") && size.contains("width"))
    return setSides(p, e.side("size", size["height"]), e.side("size", size["width"]));
  if (!object || !size.contains("shortest_edge") || size.contains("longest_edge"))
    e.reject("size", "height and width, or shortest_edge");
  resizeShorterSide(e, p, e.side("size", size["shortest_edge"]));
}

void readCrop(const Entries& e, Preprocess& p) {
  if (!e.flag("do_center_crop", e.has("crop_size"))) return;
  if (!e.has("crop_size")) e.reject("crop_size", "a number, or height and width");
  const Json& crop = e.at("crop_size");
  if (crop.is_object() && crop.contains("height") && crop.contains("width"))
    p.crop = {e.side("crop_size", crop["height"]), e.side("crop_size", crop["width"])};
  else
    p.crop = {e.side("crop_size", crop), e.side("crop_size", crop)};
}

void readNumbers(const Entries& e, Preprocess& p) {
  const bool rescaled = e.flag("do_rescale", true);
  p.scale = rescaled ? e.number("rescale_factor", kByte) : 1;
  if (e.flag("do_normalize", e.has("image_mean"))) p.mean = e.numbers("image_mean"), p.std = e.numbers("image_std");
  if (!rescaled || !e.flag("rescale_offset", false)) return;
  // One is subtracted before the mean is.
  for (double& mean : p.mean) mean += 1;
}

Preprocess huggingFace(const Entries& e, const std::string& where) {
  static const char* const filters[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};
  Preprocess p;
  p.name = where;
  if (e.flag("do_pad", false)) e.reject("do_pad", "false: padding is not known here");
  readSize(e, p);
  readCrop(e, p);
  readNumbers(e, p);
  p.bgr = e.flag("do_flip_channel_order", false);
  const double filter = e.number("resample", 2);
  if (p.resize != Resize::None && filter >= 0 && filter < 6) noteFilter(p, filters[static_cast<int>(filter)]);
  return p;
}

// ---- timm

void cropFromScaled(const Entries& e, Preprocess& p, int height, int width) {
  const double share = e.number("crop_pct", 0.875);
  if (!(share > 0 && share <= 1)) e.reject("crop_pct", "a number above 0 and at most 1");
  const auto scaled = [&](int side) { return static_cast<int>(std::floor(side / share)); };
  const std::string mode = e.has("crop_mode") ? e.text("crop_mode") : "center";
  p.crop = {height, width};
  if (mode == "squash")
    setSides(p, scaled(height), scaled(width));
  else if (mode == "center" && height == width)
    p.resize = Resize::ShorterSide, p.size = scaled(height);
  else
    e.reject("crop_mode", "center with equal sides, or squash");
}

Preprocess timm(const Entries& e, const std::string& where) {
  Preprocess p;
  p.name = where;
  p.scale = kByte;
  p.mean = e.numbers("mean"), p.std = e.numbers("std");
  const Json& size = e.at("input_size");
  if (!size.is_array() || size.size() != 3) e.reject("input_size", "[channels, height, width]");
  cropFromScaled(e, p, e.side("input_size", size[1]), e.side("input_size", size[2]));
  if (e.has("interpolation")) noteFilter(p, e.text("interpolation"));
  return p;
}

}  // namespace

std::optional<Preprocess> dialectPreprocess(const nlohmann::ordered_json& root, const std::string& where) {
  if (!root.is_object()) return std::nullopt;
  if (root.contains("pretrained_cfg") && root["pretrained_cfg"].is_object())
    return dialectPreprocess(root["pretrained_cfg"], where);
  const Entries entries(root, where);
  if (entries.has("input_size") && entries.has("mean") && entries.has("std")) return timm(entries, where);
  const bool theirs = entries.has("image_mean") || entries.has("do_resize") || entries.has("do_rescale") ||
                      entries.has("image_processor_type") || entries.has("feature_extractor_type");
  return theirs ? std::optional(huggingFace(entries, where)) : std::nullopt;
}

}  // namespace relprop
