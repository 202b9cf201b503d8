// The command line of the benchmarks, which take the same options.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace relprop::bench {

struct Arguments {
  std::vector<std::string> models = {};
  std::string preprocess = "imagenet", shape = {};
  int batch = 1, threads = 0, rounds = 15;
};

// What is no option names a model. An option takes the next argument.
inline Arguments parse(int argc, char** argv, Arguments a) {
  const std::map<std::string, std::variant<int*, std::string*>> options = {{"--preprocess", &a.preprocess},
                                                                           {"--shape", &a.shape},
                                                                           {"--batch", &a.batch},
                                                                           {"--threads", &a.threads},
                                                                           {"--rounds", &a.rounds}};
  for (int i = 1; i < argc; ++i) {
    const auto found = options.find(argv[i]);
    if (found == options.end()) {
      a.models.emplace_back(argv[i]);
      continue;
    }
    const char* value = i + 1 < argc ? argv[++i] : "";
    if (int* const* number = std::get_if<int*>(&found->second))
      **number = std::atoi(value);
    else
      *std::get<std::string*>(found->second) = value;
  }
  return a;
}

// Runs a benchmark for every model; the exit code.
inline int runEach(const Arguments& a, const char* program, const char* options,
                   void (*run)(const std::string& model, const Arguments&)) {
  if (a.models.empty()) {
    std::fprintf(stderr, "usage: %s MODEL.onnx... %s\n", program, options);
    return 2;
  }
  try {
    for (const std::string& model : a.models) run(model, a);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", program, e.what());
    return 1;
  }
}

}  // namespace relprop::bench
