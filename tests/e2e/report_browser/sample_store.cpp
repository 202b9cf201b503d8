#include "sample_store.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "relprop/image.h"

namespace browser {
namespace {

using namespace relprop;

constexpr int kSide = 112;

// How good a made-up method is, from 0 to 1, and how long it takes.
struct Method {
  std::string text;
  double quality, seconds;
};

std::vector<Method> methodsOf() {
  return {{"rap:residual=relative,batchnorm=fold", 0.80, 0.080},
          {"epsilon-plus-flat:epsilon=0.25,residual=relative,batchnorm=fold", 0.76, 0.062},
          {"lrp-gamma:gamma=0.25,residual=relative,batchnorm=fold", 0.71, 0.071},
          {"lrp-gamma:gamma=0.5,residual=relative,batchnorm=fold", 0.745, 0.070},
          {"lrp-resnet:identity-skip=ratio,quantize=8", 0.79, 0.090},
          {"gradient:batchnorm=fold", 0.40, 0.045},
          {"smoothgrad:noise=0.15,samples=50,batchnorm=fold", 0.56, 2.200},
          {"grad-cam:at=auto", 0.73, 0.030},
          {"rise:samples=4000,cells=7,probability=0.5", 0.70, 31.0}};
}

const std::string kOutsideInside = "outside-inside@1:region=box,pos=no";
const std::string kPointing = "pointing-game@1:tolerance=15";
const std::string kIdScore = "id-score@1:profile=rise,step=width";

const char* const kClasses[] = {"golden retriever", "tabby cat", "sports car", "espresso", "lighthouse", "hummingbird"};

double noise(std::mt19937& random) {
  return static_cast<double>(random()) / 4294967296.0 - 0.5;
}

struct Spot {
  double x, y, radius;
};

Spot spotOf(int picture) {
  return {40.0 + picture * 37 % 40, 38.0 + picture * 23 % 40, 20.0 + picture % 5 * 3};
}

double inside(const Spot& spot, int x, int y) {
  return std::exp(-std::pow(std::hypot(x - spot.x, y - spot.y) / spot.radius, 4.0));
}

std::vector<std::uint8_t> photoOf(int picture) {
  const Spot spot = spotOf(picture);
  Image image{kSide, kSide, {}};
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x)
      for (int c = 0; c < 3; ++c) {
        const double sky = 150 + 50 * std::sin(picture + c) - y * 0.5,
                     object = 90 + 80 * std::cos(picture * 2.1 + c * 1.7);
        const double share = inside(spot, x, y), texture = 14 * std::sin(x * 0.7 + c) * std::cos(y * 0.5);
        image.pixels.push_back(
            static_cast<std::uint8_t>(std::clamp(std::lerp(sky, object, share) + texture, 0.0, 255.0)));
      }
  return encodePng(image);
}

std::vector<std::uint8_t> truthOf(int picture) {
  const Spot spot = spotOf(picture);
  Image image{kSide, kSide, {}};
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      const double distance = std::hypot(x - spot.x, y - spot.y) - spot.radius;
      image.pixels.insert(image.pixels.end(), 3, distance < 0 ? 255 : distance < 2 ? 128 : 0);
    }
  return encodePng(image);
}

Tensor mapOf(int picture, double quality, std::mt19937& random) {
  const Spot spot = spotOf(picture);
  Tensor map;
  map.shape = {kSide, kSide};
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      const double wave = 0.6 + 0.4 * std::sin(x * 0.9) * std::sin(y * 0.8);
      map.data.push_back(static_cast<float>(quality * inside(spot, x, y) * wave + (1 - quality) * 1.2 * noise(random)));
    }
  return map;
}

Curve curveOf(const std::string& name, double quality, bool rising, std::mt19937& random) {
  Curve curve{name, "share of pixels", {}, {}};
  const double bend = 1 + 5 * quality, shift = 0.1 * noise(random);
  for (int i = 0; i <= 40; ++i) {
    const double x = i / 40.0, rise = 1 - std::exp(-bend * x);
    curve.x.push_back(x);
    curve.y.push_back(
        std::clamp((rising ? rise : 0.95 * std::exp(-bend * x)) + shift + 0.02 * noise(random), 0.0, 1.0));
  }
  return curve;
}

double areaOf(const Curve& curve) {
  double sum = 0;
  for (double y : curve.y) sum += y;
  return sum / static_cast<double>(curve.y.size());
}

PictureFacts factsOf(const std::string& model, const std::string& dataset, int picture, bool keep) {
  PictureFacts facts;
  facts.model = model, facts.dataset = dataset, facts.target = "true";
  facts.picture = picture == 3 ? kHostile : "ILSVRC2012_val_000" + std::to_string(10000 + picture * 71) + ".JPEG";
  facts.file = "val/" + facts.picture;
  facts.trueClass = facts.targetClass = picture % 6;
  facts.predictedClass = picture % 7 == 5 ? (picture + 1) % 6 : picture % 6;
  facts.trueLabel = facts.targetLabel = picture == 4 ? kHostileScript : kClasses[facts.trueClass];
  facts.predictedLabel = picture == 4 ? kHostileScript : kClasses[facts.predictedClass];
  facts.targetProbability = 0.55 + 0.018 * picture;
  if (keep) facts.view = photoOf(picture), facts.truth = truthOf(picture);
  return facts;
}

ResultKey keyOf(const PictureFacts& facts, const std::string& method, const std::string& protocol) {
  return {facts.model, facts.dataset, facts.picture, facts.target, method, protocol};
}

void addMethod(ResultBatch& batch, const PictureFacts& facts, int picture, const Method& method, bool keep,
               std::mt19937& random) {
  const double quality = std::clamp(method.quality + 0.35 * noise(random), 0.0, 1.0);
  MapFacts map{
      facts.model, facts.dataset, facts.picture, facts.target, method.text, method.seconds * (1 + 0.2 * noise(random)),
      {}};
  if (keep) map.map = mapOf(picture, quality, random);
  batch.maps.push_back(map);
  Result outside{keyOf(facts, method.text, kOutsideInside),
                 "",
                 {{"all", 1.3 - quality + 0.1 * noise(random)}, {"pos", 1.1 - quality}},
                 {},
                 0.001};
  if (picture % 11 == 7)
    outside = {keyOf(facts, method.text, kOutsideInside), "the boxes cover all of the picture", {}, {}, 0.0};
  batch.results.push_back(outside);
  batch.results.push_back({keyOf(facts, method.text, kPointing), "", {{"hit", quality > 0.55 ? 1.0 : 0.0}}, {}, 0.001});
  const Curve insertion = curveOf("insertion", quality, true, random),
              deletion = curveOf("deletion", quality, false, random);
  const double in = areaOf(insertion), out = areaOf(deletion);
  batch.results.push_back({keyOf(facts, method.text, kIdScore),
                           "",
                           {{"id", in - out}, {"insertion", in}, {"deletion", out}},
                           {insertion, deletion},
                           3.0});
}

ResultBatch batchOf(const std::string& model, const std::string& dataset, int picture,
                    const std::vector<Method>& methods, bool keep) {
  std::mt19937 random(static_cast<unsigned>(picture) * 7919u + static_cast<unsigned>(model.size()));
  ResultBatch batch;
  batch.pictures.push_back(factsOf(model, dataset, picture, keep));
  if (picture == 9) {
    batch.pictures[0].skipped = "unreadable: a truncated JPEG";
    return batch;
  }
  for (const Method& method : methods) addMethod(batch, batch.pictures[0], picture, method, keep, random);
  return batch;
}

Provenance runOf(const std::string& command) {
  return {"0.1.0", "workstation", command, "float32", {{"oneDNN", "2.6.0"}, {"SQLite", "3.40.1"}}, 7, 8};
}

}  // namespace

Store sampleStore(bool keep) {
  Store store = Store::inMemory();
  store.beginRun(runOf("relprop evaluate resnet50.onnx --dataset imagenet:val -m all --keep"));
  store.put({"5ce1f0b7", "models/resnet50.onnx", "9d3b1c77a0e4f512", R"({"resize":{"mode":"shorter-side","size":256}})",
             "3×224×224"});
  for (int i = 0; i < kSamplePictures; ++i) store.write(batchOf("5ce1f0b7", "imagenet:val", i, methodsOf(), keep));
  store.beginRun(runOf("relprop evaluate vgg16.onnx --dataset voc:VOC2012 -m rap,lrp-gamma,gradient"));
  store.put(
      {"c01dfeed", "models/vgg16.onnx", "41aa90fe23b1d7c6", R"({"resize":{"mode":"warp","size":224}})", "3×224×224"});
  std::vector<Method> few = methodsOf();
  few.resize(3);
  for (int i = 0; i < 6; ++i) store.write(batchOf("c01dfeed", "voc:VOC2012", i, few, false));
  return store;
}

}  // namespace browser
