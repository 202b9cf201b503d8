#include "c/model.h"

#include <nlohmann/json.hpp>

#include "c/arrays.h"
#include "c/guard.h"
#include "c/options.h"
#include "c/result.h"
#include "explainer/prepare.h"
#include "relprop/choices.h"

namespace relprop::c {
namespace {

using Json = nlohmann::ordered_json;

Json openAsNull(const Shape& shape) {
  Json json = Json::array();
  for (const std::int64_t extent : shape) json.push_back(extent < 0 ? Json() : Json(extent));
  return json;
}

Json inputJson(const Model& model, const Options& options) {
  const Shape shape = model.inputShape();
  Json json = {{"shape", openAsNull(shape)},
               {"layout", layoutName(model.layout(options.layout))},
               {"layoutReason", model.layoutReason()},
               {"bytes", model.takesBytes()}};
  const bool picture = shape.size() == 4 || shape.empty();
  json["channels"] = picture ? Json(model.channels(options.shape, options.layout)) : Json();
  return json;
}

Json notesOf(const Model& model, const FoundPreprocess& pixels, const FoundLabels& labels) {
  std::vector<std::string> notes = model.notes();
  if (pixels.preprocess) notes.insert(notes.end(), pixels.preprocess->notes.begin(), pixels.preprocess->notes.end());
  notes.insert(notes.end(), labels.notes.begin(), labels.notes.end());
  return notes;
}

std::string describe(const Model& model, const Options& options) {
  const FoundPreprocess pixels = preprocessOf(model, options);
  const FoundLabels labels = labelsOf(model, options);
  const std::int64_t classes = model.outputClasses();
  Json json = {{"path", model.path()}, {"hash", model.hash()}};
  json["input"] = inputJson(model, options);
  json["outputs"] = model.outputs();
  json["output"] = model.output();
  json["classes"] = classes < 0 ? Json() : Json(classes);
  json["preprocess"] = pixels.preprocess ? Json::parse(toJson(*pixels.preprocess)) : Json();
  json["preprocessFrom"] = pixels.from;
  json["labels"] = labels.names;
  json["labelsFrom"] = labels.from;
  json["notes"] = notesOf(model, pixels, labels);
  json["metadata"] = model.metadata();
  json["bagOfWords"] = model.isBagOfWords();
  json["fixedBatch"] = fixedBatch(model);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// C×H×W of the network's input, in its layout, as an explainer would have it.
Shape imageShape(const Model& model, const Options& options, const Preprocess& preprocess, Layout layout) {
  Shape shape = fullInputShape(model, chosenInputShape(model, options.shape, preprocess), 1, layout);
  shape.erase(shape.begin());
  if (shape.size() != 3)
    throw Error(ErrorCode::ShapeMismatch, model.path(), toString(shape), "C×H×W for a picture",
                "give the array itself to relprop_explain");
  return shape;
}

std::shared_ptr<Result> prepared(const Model& model, const relprop_array* picture, const Options& options) {
  const Preprocess preprocess = requiredPreprocess(model, options);
  const Layout layout = model.layout(options.layout);
  const PictureLayout size = PictureLayout::of(imageShape(model, options, preprocess, layout), layout);
  const Image image = pictureOf(picture, options.name.empty() ? "picture" : options.name);
  PreparedImage made = prepareImage(image, preprocess, static_cast<int>(size.channels), static_cast<int>(size.height),
                                    static_cast<int>(size.width));
  auto result = std::make_shared<Result>();
  result->maps.resize(1);
  result->add(
      0, "input",
      layout == Layout::ChannelsFirst ? std::move(made.input) : relaid(made.input, Layout::ChannelsFirst, layout));
  result->add(0, "view", std::move(made.view));
  return result;
}

relprop_model* handleOf(Model model) {
  return Handles::all().add<relprop_model>(std::make_shared<ModelObject>(std::move(model)));
}

}  // namespace

Model modelCalled(relprop_model* handle) {
  return Handles::all().find<ModelObject>(handle, "model")->model;
}

}  // namespace relprop::c

using namespace relprop::c;

int32_t relprop_model_load(const char* path, const char* options, relprop_model** model) {
  return guarded([&] {
    requirePointer(path, "path");
    requirePointer(model, "model");
    *model = handleOf(relprop::Model::load(path, readOptions(options, Function::Load).model));
  });
}

int32_t relprop_model_from_bytes(const void* bytes, size_t length, const char* options, relprop_model** model) {
  return guarded([&] {
    requirePointer(bytes, "bytes");
    requirePointer(model, "model");
    const Options read = readOptions(options, Function::FromBytes);
    const relprop::ModelBytesOptions given = {read.name.empty() ? "model" : read.name, read.folder, read.model};
    *model = handleOf(relprop::Model::fromBytes({static_cast<const std::byte*>(bytes), length}, given));
  });
}

int32_t relprop_model_describe(relprop_model* model, const char* options, char** json) {
  return guarded([&] {
    requirePointer(json, "json");
    *json = handedOut(describe(modelCalled(model), readOptions(options, Function::Describe)));
  });
}

int32_t relprop_model_free(relprop_model* model) {
  return guarded([&] { Handles::all().free<ModelObject>(model, "model"); });
}

int32_t relprop_prepare(relprop_model* model, const relprop_array* picture, const char* options,
                        relprop_result** prepared) {
  return guarded([&] {
    requirePointer(prepared, "prepared");
    const std::shared_ptr<Result> result =
        relprop::c::prepared(modelCalled(model), picture, readOptions(options, Function::Prepare));
    *prepared = Handles::all().add<relprop_result>(result);
  });
}
