#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "relprop/error.h"
#include "relprop/image.h"

namespace relprop {

namespace {

using Resize = Preprocess::Resize;

const std::vector<double> kImagenetMean = {0.485, 0.456, 0.406}, kImagenetStd = {0.229, 0.224, 0.225};

std::vector<Preprocess> makePresets() {
  return {
      // torchvision's classification recipe
      {.resize = Resize::ShorterSide,
       .size = 256,
       .crop = {224, 224},
       .scale = 1.0 / 255,
       .mean = kImagenetMean,
       .std = kImagenetStd,
       .name = "imagenet"},
      // torchvision's Inception v3
      {.resize = Resize::ShorterSide,
       .size = 342,
       .crop = {299, 299},
       .scale = 1.0 / 255,
       .mean = kImagenetMean,
       .std = kImagenetStd,
       .name = "inception"},
      // Caffe's reference networks: the mean is in the network's order, blue first
      {.resize = Resize::Warp,
       .size = 256,
       .crop = {224, 224},
       .bgr = true,
       .mean = {104.00699, 116.66877, 122.67892},
       .name = "imagenet-caffe"},
      // TensorFlow-Slim's Inception recipe
      {.resize = Resize::CentralFraction,
       .size = 224,
       .fraction = 0.875,
       .mean = {127.5, 127.5, 127.5},
       .std = {127.5, 127.5, 127.5},
       .name = "tf"},
      // The three modes of Keras' preprocess_input; pictures are warped to the network's size
      {.mean = {127.5, 127.5, 127.5}, .std = {127.5, 127.5, 127.5}, .name = "keras-tf"},
      {.bgr = true, .mean = {103.939, 116.779, 123.68}, .name = "keras-caffe"},
      {.scale = 1.0 / 255, .mean = kImagenetMean, .std = kImagenetStd, .name = "keras-torch"},
      {.scale = 1.0 / 255, .name = "unit"},
      {.scale = 1.0 / 255, .mean = {0.4914, 0.4822, 0.4465}, .std = {0.247, 0.2435, 0.2616}, .name = "cifar10"},
  };
}

const std::vector<Preprocess>& presets() {
  static const std::vector<Preprocess> all = makePresets();
  return all;
}

const Preprocess* findPreset(const std::string& name) {
  const auto found = std::find_if(presets().begin(), presets().end(), [&](const auto& p) { return p.name == name; });
  return found == presets().end() ? nullptr : &*found;
}

bool looksLikePath(const std::string& text) {
  return text.find('/') != std::string::npos || std::filesystem::path(text).extension() == ".json";
}

}  // namespace

std::vector<std::string> preprocessNames() {
  std::vector<std::string> names;
  for (const Preprocess& preset : presets()) names.push_back(preset.name);
  return names;
}

Preprocess namedPreprocess(const std::string& name) {
  if (const Preprocess* preset = findPreset(name)) return *preset;
  throw Error(ErrorCode::MalformedPreprocess, "preprocess", fmt::format("unknown name \"{}\"", name),
              fmt::format("one of {}", fmt::join(preprocessNames(), ", ")), "or the path of a JSON file");
}

Preprocess readPreprocess(const std::string& nameOrPath) {
  std::error_code ignored;
  const bool isFile = looksLikePath(nameOrPath) || std::filesystem::exists(nameOrPath, ignored);
  if (findPreset(nameOrPath) || !isFile) return namedPreprocess(nameOrPath);
  const std::vector<std::uint8_t> bytes = readFile(nameOrPath);
  return parsePreprocess(std::string(bytes.begin(), bytes.end()), nameOrPath);
}

}  // namespace relprop
