// custom_rules MODEL PICTURE METHOD [PATTERN=RULE…]: explains with rows of one's own in front of the method's rule
// table, and prints the table and the ledger: what every node received, passed on and absorbed.
//   custom_rules shapes.onnx val_00000.jpg epsilon-plus 'first=flat' '/block3/*=gamma:0.5'
#include <relprop/error.h>
#include <relprop/explain.h>
#include <relprop/image.h>

#include <filesystem>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

namespace {

void printLedger(const std::vector<relprop::LedgerEntry>& ledger) {
  std::cout << "\n      received     passed on      absorbed  node (rule)\n" << std::fixed << std::setprecision(5);
  for (const relprop::LedgerEntry& e : ledger)
    std::cout << std::setw(14) << e.in << std::setw(14) << e.out << std::setw(14) << e.absorbed() << "  " << e.node
              << " (" << e.rule << ")\n";
}

void explain(const std::string& modelPath, const std::string& picturePath, const std::string& method,
             const std::vector<std::string>& rules) {
  const relprop::Model model = relprop::Model::load(modelPath);
  const auto side = std::filesystem::path(modelPath).replace_extension(".preprocess.json");
  const relprop::Preprocess preprocess = relprop::readPreprocess(side.string());

  relprop::ExplainOptions options;
  options.method = method;
  options.rules = rules;
  options.pixelRange = relprop::pixelRange(preprocess);  // for zbox with bounds=range
  relprop::Explainer explainer(model, options);
  std::cout << explainer.methodString() << "\n";
  for (const std::string& row : explainer.report().table) std::cout << "  " << row << "\n";
  for (const std::string& warning : explainer.warnings()) std::cout << "warning: " << warning << "\n";

  const relprop::Shape shape = explainer.inputShape();  // C×H×W
  const relprop::PreparedImage picture =
      relprop::prepareImage(relprop::readImage(picturePath), preprocess, static_cast<int>(shape[0]),
                            static_cast<int>(shape[1]), static_cast<int>(shape[2]));
  const relprop::Explanation map = explainer.explain(picture.input).front();
  printLedger(map.ledger);
  std::cout << "\nclass " << map.target << ": " << map.seed << " put in, " << map.sum << " reached the pixels\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: custom_rules MODEL PICTURE METHOD [PATTERN=RULE...]\n";
    return 2;
  }
  try {
    explain(argv[1], argv[2], argv[3], {argv + 4, argv + argc});
  } catch (const relprop::Error& error) {
    std::cerr << relprop::errorCodeName(error.code()) << ": " << error.what() << "\n";
    return 1;
  }
}
