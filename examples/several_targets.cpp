// several_targets MODEL PICTURE: the three best classes of a picture, what each of them gets from one forward pass, and
// where relevance is lost on the way: the largest leaks of the first map's ledger.
#include <relprop/error.h>
#include <relprop/explain.h>
#include <relprop/image.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: several_targets MODEL PICTURE\n";
    return 2;
  }
  try {
    const relprop::Model model = relprop::Model::load(argv[1]);
    relprop::ExplainOptions options;
    options.method = "lrp-zplus";
    options.targets = {relprop::Target::rank(0), relprop::Target::rank(1), relprop::Target::rank(2)};
    relprop::Explainer explainer(model, options);
    const relprop::Shape shape = explainer.inputShape();

    const std::filesystem::path side = std::filesystem::path(argv[1]).replace_extension(".preprocess.json");
    const relprop::PreparedImage picture =
        relprop::prepareImage(relprop::readImage(argv[2]), relprop::readPreprocess(side.string()),
                              static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2]));

    std::vector<relprop::Explanation> maps = explainer.explain(picture.input);
    for (const relprop::Explanation& map : maps)
      std::cout << "class " << map.target << ": logit " << map.targetPrediction.logit << ", sum of relevance "
                << map.sum << "\n";

    std::vector<relprop::LedgerEntry>& ledger = maps.front().ledger;
    std::sort(ledger.begin(), ledger.end(),
              [](const auto& a, const auto& b) { return std::abs(a.absorbed()) > std::abs(b.absorbed()); });
    ledger.resize(std::min<std::size_t>(3, ledger.size()));
    for (const relprop::LedgerEntry& entry : ledger)
      std::cout << entry.node << " absorbed " << entry.absorbed() << ", " << entry.bias << " of it by its bias\n";
  } catch (const relprop::Error& error) {
    std::cerr << relprop::errorCodeName(error.code()) << ": " << error.what() << "\n";
    return 1;
  }
}
