// explain_minimal MODEL PICTURE HEATMAP.png: which pixels speak for the class that the network decides on (red) and
// which against it (blue), by relative attributing propagation. MODEL.preprocess.json lies beside MODEL.onnx.
#include <relprop/error.h>
#include <relprop/explain.h>
#include <relprop/image.h>

#include <filesystem>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: explain_minimal MODEL PICTURE HEATMAP.png\n";
    return 2;
  }
  try {
    const relprop::Model model = relprop::Model::load(argv[1]);
    relprop::ExplainOptions options;
    options.method = "rap";
    relprop::Explainer explainer(model, options);
    const relprop::Shape shape = explainer.inputShape();  // C×H×W

    const std::filesystem::path side = std::filesystem::path(argv[1]).replace_extension(".preprocess.json");
    const relprop::PreparedImage picture =
        relprop::prepareImage(relprop::readImage(argv[2]), relprop::readPreprocess(side.string()),
                              static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2]));

    const relprop::Explanation map = explainer.explain(picture.input).front();
    const relprop::Image heat = relprop::renderHeatmap(map.relevance, picture.view, {.zoom = 4});
    relprop::writeFile(argv[3], relprop::encodePng(heat));
    std::cout << "class " << map.target << ", probability " << map.targetPrediction.probability << ", logit "
              << map.targetPrediction.logit << ", sum of relevance " << map.sum << "\n";
  } catch (const relprop::Error& error) {
    std::cerr << relprop::errorCodeName(error.code()) << ": " << error.what() << "\n";
    return 1;
  }
}
