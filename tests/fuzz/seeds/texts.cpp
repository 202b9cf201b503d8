// Texts: what people type, and side files in every dialect; sequences of calls for the C interface; dictionaries.
#include <algorithm>

#include "explain/methods/method_list.h"
#include "fuzz/seeds/seeds.h"
#include "onnx/op_rules.h"
#include "relprop/image.h"
#include "relprop/metrics.h"
#include "rules/rule.h"

namespace relprop::fuzz {

namespace {

const std::string kOurs = R"({"resize": {"mode": "shorter-side", "size": 256, "filter": "bilinear-antialias"},
  "crop": [224, 200], "channels": "BGR", "scale": 0.5, "mean": [1, 2.5, 3], "std": [4, 5, 6]})";
const std::string kHuggingFace = R"({"do_resize": true, "size": {"shortest_edge": 256}, "resample": 2,
  "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "do_rescale": true, "rescale_factor": 0.0039,
  "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})";
const std::string kTimm = R"({"architecture": "resnet18", "num_classes": 3, "label_names": ["a", "b", "c"],
  "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.95, "crop_mode": "center",
  "interpolation": "bicubic", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}})";

Files strings() {
  Files files;
  for (const MethodEntry& entry : methodList()) {
    std::string text = entry.name;
    files[std::string("method_") + entry.name] = fileOf(text);
    char separator = ':';
    for (const ParameterInfo& parameter : parametersOf(entry)) {
      text += separator + parameter.key + "=" + parameter.fallback;
      separator = ',';
    }
    if (separator == ',') files[std::string("full_") + entry.name] = fileOf(text);
  }
  for (const RuleInfo& rule : ruleList())
    files[std::string("rule_") + rule.name] = fileOf(std::string("Conv=") + rule.name + ":0.5");
  for (const MetricInfo& metric : metricInfos()) files["metric_" + metric.name] = fileOf(completeProtocol(metric.name));
  for (const char* target : {"argmax", "top:3", "not:dog", "1,2", "dogf", "nhwc", "panel", "all", "conv1:3"})
    files["target_" + std::to_string(files.size())] = fileOf(target);
  return files;
}

Files preprocessings() {
  Files files = {{"ours", fileOf(kOurs)}, {"hugging_face", fileOf(kHuggingFace)}, {"timm", fileOf(kTimm)}};
  for (const std::string& name : preprocessNames()) files["preset_" + name] = fileOf(toJson(namedPreprocess(name)));
  return files;
}

Files labels() {
  return {{"lines", fileOf("cat\ndog\nn02099601 golden retriever\n")},
          {"list", fileOf(R"(["cat", "dog"])")},
          {"object", fileOf(R"({"0": "cat", "1": ["n02099601", "dog"]})")},
          {"id2label", fileOf(R"({"id2label": {"0": "cat", "1": "dog"}})")},
          {"mark", fileOf("\xef\xbb\xbf"
                          "cat\r\ndog\r\n")}};
}

Files sideFiles() {
  const std::string names = "{0: 'a', 1: \"b's\", 2: 'c', 3: 'd', 4: 'e', 5: 'f', 6: 'g', 7: 'h', 8: 'i', 9: 'j'}";
  return {{"hugging_face", bundle({{"preprocessor_config.json", fileOf(kHuggingFace)},
                                   {"config.json", fileOf(R"({"id2label": {"0": "cat", "1": "dog"}})")}})},
          {"timm", bundle({{"config.json", fileOf(kTimm)}})},
          {"ours", bundle({{"model.preprocess.json", fileOf(kOurs)},
                           {"model.labels.txt", fileOf("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n")}})},
          {"metadata",
           bundle({{"metadata-relprop.preprocess", fileOf(kOurs)}, {"metadata-relprop.labels", fileOf("a\nb\n")}})},
          {"ultralytics", bundle({{"metadata-author", fileOf("Ultralytics")},
                                  {"metadata-task", fileOf("classify")},
                                  {"metadata-imgsz", fileOf("[64, 64]")},
                                  {"metadata-names", fileOf(names)}})}};
}

Files libsvm() {
  const std::string rbf =
      "svm_type c_svc\nkernel_type rbf\ngamma 0.5\nnr_class 2\ntotal_sv 3\nrho 0.25\nlabel 7 -1\nprobA -1.5\nprobB "
      "0.125\nnr_sv 2 1\nSV\n0.5 1:0.25 3:0.75 \n1 2:1 \n-1.5 \n";
  const std::string linear =
      "svm_type c_svc\nkernel_type linear\nnr_class 2\ntotal_sv 2\nrho -1\nlabel 1 2\nSV\n2 1:3 \n-2 2:1e-3 \n";
  const std::string precomputed =
      "svm_type c_svc\nkernel_type precomputed\nnr_class 2\ntotal_sv 2\nrho -1\nlabel -1 1\nnr_sv 1 1\nSV\n2 0:3 \n-2 "
      "0:1 \n";
  return {{"rbf", fileOf(rbf)}, {"linear", fileOf(linear)}, {"precomputed", fileOf(precomputed)}};
}

// Bytes as tests/fuzz/c_interface.cpp reads them.
Files calls() {
  const File load = {0, 0}, create = {16, 0, 0}, explain = {4, 0, 0, 1, 0};
  const auto joined = [](std::initializer_list<File> parts) {
    File all;
    for (const File& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  return {
      {"explain",
       joined({load, create, {17, 0}, explain, {8, 0, 1, 0}, {9, 0, 1}, {10, 0, 1}, {14, 0}, {14, 1}, {14, 2}})},
      {"questions", joined({{4, 0, 0, 0, 1}, {4, 1, 0, 1, 2}, {8, 0, 2, 1}, {4, 2, 0, 0, 3}, {8, 0, 1, 7}, {9, 0, 1}})},
      {"forward", joined({load, {16, 0, 1}, {5, 0, 0, 1}, {8, 0, 1, 2}})},
      {"describe", joined({load, {1, 0, 1}, {1, 0, 110}, {14, 0}, {1, 0, 0}})},
      {"prepare", joined({load, {6, 0, 1, 2, 0, 1}, {8, 0, 1, 3}, {8, 0, 1, 4}})},
      {"render", {7, 1, 1, 0, 0, 0, 1, 8, 0, 1, 5, 7, 3, 4, 0, 3, 3, 1, 9, 9, 9, 0, 2}},
      {"limit", joined({{15, 1}, load, {6, 0, 1, 2, 0, 1}})},
      {"measure", joined({load, {18, 0, 3}, {19, 0, 1}, {19, 3, 1}})},
      {"wrong",
       joined({load, {16, 255, 0}, {4, 208, 0, 0, 0}, {4, 0, 3, 0, 4, 2, 3, 8, 8, 0}, {11, 0}, {10, 220, 0}})}};
}

const std::vector<std::string> kJson = {"{",     "}",     "[",  "]", ":",    ",",       "null",       "true",
                                        "false", "1e999", "-1", "0", "\"\"", "\\u0000", "\"\\ud800\""};

std::vector<std::string> keysOf(const std::string& json) {
  std::vector<std::string> keys;
  for (std::size_t at = json.find('"'); at != json.npos;) {
    const std::size_t end = json.find('"', at + 1);
    if (end == json.npos) break;
    keys.push_back(json.substr(at, end + 1 - at));
    at = json.find('"', end + 1);
  }
  return keys;
}

std::vector<std::string> methodWords() {
  std::vector<std::string> words = {":",   "=",    ",",          "@1",     "1e308", "-1",  "nan",
                                    "inf", "NAME", "[residual]", "first=", "*",     "Conv"};
  for (const MethodEntry& entry : methodList()) {
    words.push_back(entry.name);
    for (const ParameterInfo& parameter : parametersOf(entry)) words.push_back(parameter.key + "=");
  }
  for (const RuleInfo& rule : ruleList()) words.push_back(rule.name);
  for (const MetricInfo& metric : metricInfos()) {
    words.push_back(metric.name);
    for (const auto& [key, choices] : metric.parameters) words.push_back(key + "=");
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

std::vector<std::string> modelWords() {
  std::vector<std::string> words = onnx_import::supportedOperators();
  const std::vector<std::string> attributes = {"axis",
                                               "axes",
                                               "kernel_shape",
                                               "pads",
                                               "strides",
                                               "dilations",
                                               "group",
                                               "auto_pad",
                                               "SAME_UPPER",
                                               "SAME_LOWER",
                                               "VALID",
                                               "ceil_mode",
                                               "count_include_pad",
                                               "perm",
                                               "mode",
                                               "keepdims",
                                               "equation",
                                               "to",
                                               "transA",
                                               "transB",
                                               "value",
                                               "blocksize",
                                               "com.microsoft",
                                               "ai.onnx"};
  words.insert(words.end(), attributes.begin(), attributes.end());
  // Sizes as varints: −1, 2^31, 2^62.
  for (const char* number :
       {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x80\x80\x80\x80\x08", "\x80\x80\x80\x80\x80\x80\x80\x80\x40"})
    words.push_back(number);
  return words;
}

}  // namespace

void addTexts(Corpus& corpus) {
  corpus["strings"] = strings();
  corpus["preprocess"] = preprocessings();
  corpus["side_files"] = sideFiles();
  corpus["labels"] = labels();
  corpus["libsvm"] = libsvm();
  corpus["c_interface"] = calls();
}

std::map<std::string, std::vector<std::string>> dictionaries() {
  std::map<std::string, std::vector<std::string>> all;
  all["strings"] = methodWords();
  all["onnx"] = all["model"] = all["external"] = modelWords();
  all["preprocess"] = all["side_files"] = kJson;
  for (const std::string* json : {&kOurs, &kHuggingFace, &kTimm})
    for (const std::string& key : keysOf(*json)) all["preprocess"].push_back(key), all["side_files"].push_back(key);
  all["labels"] = kJson;
  all["labels"].push_back("\"id2label\"");
  all["npy"] = all["npz"] = {"'descr': ", "'fortran_order': ", "'shape': ", "'<f4'", "'>f8'", "'|u1'", "'<i8'", "'|b1'",
                             "True",      "(99999999999,)",    "\x93NUMPY"};
  all["libsvm"] = {"svm_type c_svc\n",
                   "kernel_type ",
                   "rbf\n",
                   "linear\n",
                   "precomputed\n",
                   "gamma ",
                   "nr_class 2\n",
                   "total_sv ",
                   "rho ",
                   "label ",
                   "SV\n",
                   "0:",
                   "1e999",
                   "nan"};
  all["dataset"] = {"@@@ ",     "voc",    "cub",     "folder", "imagenet",  "<object>", "</object>",
                    "<bndbox>", "<xmin>", "</xmin>", "<name>", "<!DOCTYPE", "&amp;",    "ImageSets/Main/val.txt",
                    "-1",       "1e999"};
  all["store"] = {"update ",        " set ",
                  "insert into ",   "delete from ",
                  "create view ",   "pragma writable_schema=1;",
                  "results",        "scores",
                  "curves",         "pictures",
                  "models",         "maps",
                  "kept_maps",      "kept_pictures",
                  "runs",           "zeroblob(99999)",
                  "x'ff'",          "null",
                  "9e999",          "-1",
                  "char(10,27,60)", " where id = 1;"};
  return all;
}

}  // namespace relprop::fuzz
