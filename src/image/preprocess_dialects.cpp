#include "image/preprocess_dialects.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "image/preprocess_entries.h"
#include "image/preprocess_hugging_face.h"
#include "relprop/error.h"

namespace relprop {
namespace {

// ---- timm

void cropFromScaled(const Entries& e, Preprocess& p, int height, int width) {
  constexpr double kShare = 0.875;
  const double share = e.share("crop_pct", kShare);
  if (!e.has("crop_pct")) p.notes.push_back(fmt::format("{} has no crop_pct: timm's {} is taken", p.name, kShare));
  const auto scaled = [&](int side) { return e.wholeOf("crop_pct", side, share); };
  const std::string mode = e.has("crop_mode") ? e.text("crop_mode") : "center";
  p.crop = {height, width};
  if (mode == "squash")
    setSides(p, scaled(height), scaled(width));
  else if (mode == "center" && height == width)
    p.resize = Preprocess::Resize::ShorterSide, p.size = scaled(height);
  else
    e.reject("crop_mode", "center with equal sides, or squash");
}

Preprocess timm(const Entries& e, const std::string& where) {
  Preprocess p;
  p.name = where;
  p.scale = 1.0 / 255;
  p.mean = e.numbers("mean"), p.std = e.numbers("std");
  if (!e.has("input_size") || !e.at("input_size").is_array() || e.at("input_size").size() != 3)
    e.reject("input_size", "[channels, height, width]");
  const Entries::Json& size = e.at("input_size");
  cropFromScaled(e, p, e.side("input_size", size[1]), e.side("input_size", size[2]));
  const std::string filter = e.has("interpolation") ? e.text("interpolation") : "bicubic";  // timm's own
  if (filter.empty()) e.reject("interpolation", "the name of a filter");
  noteFilter(p, filter);
  return p;
}

// Keys that only one form's files have. Hugging Face's name the class of a processor besides, also where it reads
// timm's.
using KeySet = std::vector<const char*>;
const KeySet kOwnKeys = {"channels", "scale", "resize", "crop"}, kMoreOwnKeys = {"mean", "std"},
             kProcessingKeys = {"image_mean", "do_resize", "do_rescale", "do_normalize"},
             kProcessorKeys = {"image_processor_type", "feature_extractor_type"};

const char* firstKeyOf(const KeySet& keys, const Entries::Json& root) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const char* key) { return root.contains(key); });
  return found == keys.end() ? nullptr : *found;
}

// One of the readings would leave the other's keys unread.
void requireNone(const std::vector<KeySet>& others, const Entries::Json& root, const char* key,
                 const std::string& where) {
  for (const KeySet& keys : others)
    if (const char* other = firstKeyOf(keys, root))
      throw Error(ErrorCode::MalformedPreprocess, where, fmt::format("keys of two forms, '{}' and '{}'", other, key),
                  "those of one form: relprop's own, timm's or Hugging Face's");
}

const char* keyOfHuggingFace(const Entries::Json& root) {
  const char* key = firstKeyOf(kProcessingKeys, root);
  return key ? key : firstKeyOf(kProcessorKeys, root);
}

}  // namespace

std::optional<Preprocess> dialectPreprocess(const nlohmann::ordered_json& root, const std::string& where) {
  if (!root.is_object()) return std::nullopt;
  const Entries entries(root, where);
  if (root.contains("pretrained_cfg") && root["pretrained_cfg"].is_object()) {
    requireNone({kOwnKeys, kProcessingKeys}, root, "pretrained_cfg", where);
    return timm(Entries(root["pretrained_cfg"], where), where);
  }
  if (entries.has("input_size") && entries.has("mean") && entries.has("std")) {
    requireNone({kOwnKeys, kProcessingKeys}, root, "input_size", where);
    return timm(entries, where);
  }
  if (root.contains("pretrained_cfg")) entries.reject("pretrained_cfg", "an object");
  const char* const theirs = keyOfHuggingFace(root);
  if (theirs == nullptr) return std::nullopt;
  requireNone({kOwnKeys, kMoreOwnKeys}, root, theirs, where);
  return huggingFacePreprocess(root, where);
}

}  // namespace relprop
