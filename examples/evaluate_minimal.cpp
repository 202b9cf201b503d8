// Measures two methods on a data set and prints a table: evaluate_minimal MODEL KIND:PATH
#include <cstdio>
#include <numeric>

#include "relprop/error.h"
#include "relprop/evaluate.h"
#include "relprop/report.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: evaluate_minimal MODEL KIND:PATH\n");
    return 2;
  }
  try {
    relprop::EvaluateOptions options;
    options.methods = {"rap", "gradient"};
    options.metrics = {"outside-inside", "relevance-mass"};
    options.target = "predicted";
    options.preprocess = relprop::namedPreprocess("unit");
    relprop::Evaluation evaluation(relprop::Model::load(argv[1]), relprop::Dataset::open(argv[2]), options);

    relprop::Store store = relprop::Store::inMemory();
    std::vector<std::size_t> all(evaluation.units().size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    relprop::evaluate(evaluation, store, all);
    std::printf("%s", relprop::markdownReport(store).c_str());
  } catch (const relprop::Error& error) {
    std::fprintf(stderr, "evaluate_minimal: %s\n", error.what());
    return 1;
  }
}
