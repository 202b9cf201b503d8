#include "image/preprocess_processors.h"

#include <algorithm>
#include <iterator>

namespace relprop {
namespace {

const PixelNumbers kOfHalves = {{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};
const PixelNumbers kOfImagenet = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
const PixelNumbers kOfClip = {{0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}};

// Swin, ResNet and others have no processor of their own: their files name one of these.
const ImageProcessor kProcessors[] = {
    {"Beit", false, 256, 224, true, &kOfHalves, "bicubic"},
    {"BeitFast", false, 224, 224, false, &kOfHalves, "bicubic"},
    {"Bit", true, 224, 224, true, &kOfClip, "bicubic"},
    {"ChineseCLIP", true, 224, 224, true, &kOfClip, "bicubic"},
    {"CLIP", true, 224, 224, true, &kOfClip, "bicubic"},
    {"ConvNext", true, 384, 0, false, &kOfHalves, "bicubic"},
    {"DeiT", false, 256, 224, true, &kOfHalves, "bicubic"},
    {"EfficientFormer", false, 224, 224, true, &kOfImagenet, "bicubic"},
    {"EfficientNet", false, 346, 289, false, &kOfHalves, "nearest"},
    {"EfficientNetFast", false, 346, 289, false, &kOfHalves, "bicubic"},
    {"Levit", true, 224, 224, true, &kOfImagenet, "bicubic"},
    {"MobileNetV1", true, 256, 224, true, &kOfHalves, "bilinear"},
    {"MobileNetV2", true, 256, 224, true, &kOfHalves, "bilinear"},
    {"MobileViT", true, 224, 256, true, nullptr, "bilinear"},
    {"Perceiver", false, 224, 256, true, &kOfImagenet, "bicubic"},
    {"PoolFormer", true, 224, 224, true, &kOfImagenet, "bicubic"},
    {"Pvt", false, 224, 0, false, &kOfImagenet, "bilinear"},
    {"Segformer", false, 512, 0, false, &kOfImagenet, "bilinear"},
    {"Siglip", false, 224, 0, false, &kOfHalves, "bicubic"},
    {"ViT", false, 224, 0, false, &kOfHalves, "bilinear"},
    {"ViTHybrid", true, 224, 224, true, &kOfClip, "bicubic"},
};

const ImageProcessor* called(const std::string& name) {
  const auto found = std::find_if(std::begin(kProcessors), std::end(kProcessors),
                                  [&](const ImageProcessor& processor) { return processor.name == name; });
  return found == std::end(kProcessors) ? nullptr : found;
}

// The text without an ending; empty where it has another one.
std::string without(const std::string& text, const std::string& ending) {
  return text.ends_with(ending) ? text.substr(0, text.size() - ending.size()) : "";
}

}  // namespace

// Of the two that some classes come in, the fast one has other values here and there.
const ImageProcessor* imageProcessor(const std::string& type) {
  if (const std::string fast = without(type, "ImageProcessorFast"); !fast.empty()) {
    const ImageProcessor* const own = called(fast + "Fast");
    return own != nullptr ? own : called(fast);
  }
  const ImageProcessor* const processor = called(without(type, "ImageProcessor"));
  return processor != nullptr ? processor : called(without(type, "FeatureExtractor"));
}

}  // namespace relprop
