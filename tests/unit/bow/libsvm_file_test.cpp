#include "bow/libsvm_file.h"

#include <gtest/gtest.h>
#include <libsvm/svm.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <random>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace relprop::test {

using namespace bow;

namespace {

// As svm-train writes them.
const std::string kRbfModel =
    "svm_type c_svc\nkernel_type rbf\ngamma 0.5\nnr_class 2\ntotal_sv 3\nrho 0.25\nlabel 7 -1\nprobA -1.5\nprobB "
    "0.125\n"
    "nr_sv 2 1\nSV\n0.5 1:0.25 3:0.75 \n1 2:1 \n-1.5 \n";
const std::string kPrecomputedModel =
    "svm_type c_svc\nkernel_type precomputed\nnr_class 2\ntotal_sv 2\nrho -1\nlabel -1 1\nnr_sv 1 1\nSV\n2 0:3 \n-2 "
    "0:1 \n";

LibsvmModel readModel(const std::string& text, const std::optional<PrecomputedFrom>& from = {}) {
  return readLibsvm(text, "a.model", 3, from);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

Error expectRefused(ErrorCode code, const std::string& what, const std::string& by) {
  const Error error = expectError(code, [&] { readModel(replaced(kRbfModel, what, by)); });
  EXPECT_EQ(error.where().rfind("a.model", 0), 0u) << error.what();
  return error;
}

const PrecomputedFrom kPictures{{{KernelKind::Chi2, 2, 1}}, {0.5, 0.5, 0, 0, 1, 0, 0.25, 0.25, 0.5}};

// LIBSVM's own problem of rows of numbers.
struct Problem {
  std::vector<std::vector<svm_node>> nodes;
  std::vector<svm_node*> rows;
  std::vector<double> y;
  svm_problem problem() { return {static_cast<int>(y.size()), y.data(), rows.data()}; }
  void add(const std::vector<double>& x, double label) {
    nodes.emplace_back();
    for (std::size_t d = 0; d < x.size(); ++d)
      if (x[d] != 0) nodes.back().push_back({static_cast<int>(d) + 1, x[d]});
    nodes.back().push_back({-1, 0});
    y.push_back(label);
  }
};

std::string fileOf(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST(LibsvmFile, ByHand) {
  const LibsvmModel model = readModel(kRbfModel);
  EXPECT_EQ(model.classes, (std::vector<std::string>{"7", "-1"}));
  const Machine& machine = model.machine;
  EXPECT_EQ(machine.histograms, (std::vector<double>{0.25, 0, 0.75, 0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(machine.coefficients[0], (std::vector<double>{0.5, 1, -1.5}));
  ASSERT_EQ(machine.kernels.size(), 1u);
  EXPECT_EQ(machine.kernels[0].kind, KernelKind::Rbf);
  EXPECT_EQ(machine.kernels[0].gamma, 0.5);
  const std::vector<double> f = scores(machine, std::vector<double>{0, 1, 0});
  const double expected = 0.5 * std::exp(-0.5 * (0.0625 + 1 + 0.5625)) + 1 - 1.5 * std::exp(-0.5) - 0.25;
  EXPECT_NEAR(f[0], expected, 1e-15);
  EXPECT_NEAR(f[1], -expected, 1e-15);
  EXPECT_EQ(machine.platt[0], (std::array<double, 2>{-1.5, 0.125}));
  // Both probabilities are 1 together.
  const auto p = [&](std::size_t k) { return 1 / (1 + std::exp(machine.platt[k][0] * f[k] + machine.platt[k][1])); };
  EXPECT_NEAR(p(0) + p(1), 1, 1e-15);
}

TEST(LibsvmFile, OtherWaysToWriteIt) {
  const Machine expected = readModel(kRbfModel).machine;
  std::string windows;
  for (const char c : kRbfModel) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const std::string noEnd = kRbfModel.substr(0, kRbfModel.size() - 2);
  for (const std::string& text :
       {windows, noEnd, replaced(kRbfModel, "nr_sv 2 1\n", "\n"), replaced(kRbfModel, "label 7", "label +7"),
        replaced(kRbfModel, "gamma 0.5", "degree 3\ngamma 5e-1\ncoef0 0")}) {
    const LibsvmModel model = readModel(text);
    EXPECT_EQ(model.machine.histograms, expected.histograms);
    EXPECT_EQ(model.machine.coefficients, expected.coefficients);
    EXPECT_EQ(model.classes[0], "7");
  }
  const std::string plain = replaced(kRbfModel, "probA -1.5\nprobB 0.125\n", "");
  EXPECT_EQ(readModel(plain).machine.platt[0], (std::array<double, 2>{-1, 0}));
}

// Whatever LIBSVM trains and writes scores as LIBSVM scores it.
TEST(LibsvmFile, ScoresAreThoseOfLibsvm) {
  svm_set_print_string_function([](const char*) {});
  std::mt19937 random(1);
  const TemporaryFolder folder;
  for (const int kernel : {LINEAR, RBF})
    for (const double first : {5.0, 3.0}) {
      Problem data;
      std::vector<std::vector<double>> points;
      for (int i = 0; i < 30; ++i) {
        points.emplace_back(5, 0.0);
        for (double& value : points.back()) value = random() % 2 == 0 ? 0 : static_cast<double>(random() % 100) / 50;
        points.back()[0] += i % 2;
        data.add(points.back(), i % 2 == 0 ? first : 8 - first);
      }
      for (auto& row : data.nodes) data.rows.push_back(row.data());
      svm_parameter parameters{};
      parameters.svm_type = C_SVC;
      parameters.kernel_type = kernel;
      parameters.gamma = 0.7;
      parameters.cache_size = 1;
      parameters.eps = 1e-3;
      parameters.C = 2;
      parameters.probability = 1;
      const svm_problem problem = data.problem();
      svm_model* trained = svm_train(&problem, &parameters);
      const std::filesystem::path path = folder / "a.model";
      ASSERT_EQ(svm_save_model(path.c_str(), trained), 0);
      const LibsvmModel model = readLibsvm(fileOf(path), "a.model", 5);
      EXPECT_EQ(model.classes[0], std::to_string(static_cast<int>(first)));
      for (std::size_t i = 0; i < points.size(); ++i) {
        double expected = 0, probabilities[2];
        svm_predict_values(trained, data.rows[i], &expected);
        svm_predict_probability(trained, data.rows[i], probabilities);
        const std::vector<double> f = scores(model.machine, points[i]);
        EXPECT_NEAR(f[0], expected, 1e-6);  // the file has 8 digits of each coordinate
        EXPECT_EQ(f[1], -f[0]);
        const auto [a, b] = model.machine.platt[0];
        EXPECT_NEAR(1 / (1 + std::exp(a * f[0] + b)), probabilities[0], 1e-5);
      }
      svm_free_and_destroy_model(&trained);
    }
}

TEST(LibsvmFile, PrecomputedKernelsTakeTheirPicturesFromElsewhere) {
  const LibsvmModel model = readModel(kPrecomputedModel, kPictures);
  EXPECT_EQ(model.machine.histograms, (std::vector<double>{0.25, 0.25, 0.5, 0.5, 0.5, 0}));
  const std::vector<double> x = {0.1, 0.4, 0.5};
  const auto k = [&](std::int64_t i) { return kernel(kPictures.kernels[0], model.machine.support(i), x); };
  EXPECT_NEAR(scores(model.machine, x)[0], 2 * k(0) - 2 * k(1) + 1, 1e-15);
  const Error without = expectError(ErrorCode::UnsupportedModel, [] { readModel(kPrecomputedModel); });
  EXPECT_EQ(without.where(), "a.model, line 2");
  EXPECT_NE(without.hint().find(".npy"), std::string::npos);
}

TEST(LibsvmFile, RefusesPicturesThatArePrecomputedFromNothing) {
  const auto refused = [](ErrorCode code, const std::string& what, const std::string& by) {
    return expectError(code, [&] { readModel(replaced(kPrecomputedModel, what, by), kPictures); });
  };
  EXPECT_EQ(refused(ErrorCode::ShapeMismatch, "0:3", "0:4").where(), "a.model, line 9");
  refused(ErrorCode::MalformedModel, "0:3", "0:0");
  refused(ErrorCode::MalformedModel, "0:3", "1:3");
  refused(ErrorCode::MalformedModel, "0:3", "0:1.5");
  refused(ErrorCode::MalformedModel, "0:3", "0:3 1:0.5");
  refused(ErrorCode::MalformedModel, "2 0:3", "2");
  const auto from = [](ErrorCode code, const PrecomputedFrom& pictures) {
    expectError(code, [&] { readModel(kPrecomputedModel, pictures); });
  };
  from(ErrorCode::InvalidArgument, {{}, kPictures.histograms});
  from(ErrorCode::ShapeMismatch, {kPictures.kernels, {1, 2, 3, 4}});
  from(ErrorCode::NonFiniteWeights, {kPictures.kernels, {1, 2, NAN}});
  from(ErrorCode::UnsupportedModel, {kPictures.kernels, {1, 2, -3}});
  expectError(ErrorCode::InvalidArgument, [] { readLibsvm(kRbfModel, "a.model", 0); });
}

TEST(LibsvmFile, RefusesWhatIsNoMachineOfTwoClasses) {
  const ErrorCode unsupported = ErrorCode::UnsupportedModel;
  EXPECT_EQ(expectRefused(unsupported, "c_svc", "epsilon_svr").where(), "a.model, line 1");
  expectRefused(unsupported, "rbf", "polynomial");
  expectRefused(unsupported, "rbf", "sigmoid");
  const Error many = expectRefused(unsupported, "nr_class 2", "nr_class 20");
  EXPECT_EQ(many.where(), "a.model, line 4");
  EXPECT_NE(many.got().find("20"), std::string::npos);
  EXPECT_NE(many.hint().find("one model a class"), std::string::npos);
  EXPECT_NE(expectRefused(unsupported, "2:1", "2:-1").hint().find("not scaled"), std::string::npos);
}

TEST(LibsvmFile, RefusesBrokenLinesByNumber) {
  const ErrorCode malformed = ErrorCode::MalformedModel;
  EXPECT_EQ(expectRefused(malformed, "svm_type", "svm_typo").where(), "a.model, line 1");
  EXPECT_EQ(expectRefused(malformed, "gamma 0.5", "gamma").where(), "a.model, line 3");
  EXPECT_EQ(expectRefused(malformed, "gamma 0.5", "gamma half").got(), "'half'");
  expectRefused(malformed, "gamma 0.5", "gamma -0.5");
  expectRefused(malformed, "gamma 0.5\n", "");
  EXPECT_EQ(expectRefused(malformed, "gamma 0.5", "rho 0.5").where(), "a.model, line 6");  // twice
  expectRefused(malformed, "nr_class 2", "nr_class 1");
  expectRefused(malformed, "nr_class 2", "nr_class two");
  expectRefused(malformed, "total_sv 3", "total_sv 2");
  expectRefused(malformed, "total_sv 3", "total_sv 0");
  expectRefused(malformed, "total_sv 3\nrho 0.25\n", "total_sv 4\nrho 0.25\n");
  expectRefused(malformed, "nr_sv 2 1\n", "nr_sv 2 2\n");
  expectRefused(malformed, "nr_sv 2 1\n", "nr_sv 9223372036854775807 1\n");
  expectRefused(malformed, "label 7 -1", "label 7");
  expectRefused(malformed, "label 7 -1", "label 7 7");
  expectRefused(malformed, "label 7 -1", "label 7 cat");
  expectRefused(malformed, "probB 0.125\n", "");
  expectRefused(malformed, "SV\n0.5", "0.5");
  EXPECT_EQ(expectRefused(malformed, "1 2:1", "1 2=1").where(), "a.model, line 13");
  expectRefused(malformed, "1 2:1", "1 0:1");
  expectRefused(malformed, "1 2:1", "1 -2:1");
  expectRefused(malformed, "1 2:1", "1 2:");
  expectRefused(malformed, "1 2:1", "x 2:1");
  expectRefused(malformed, "1:0.25 3:0.75", "3:0.25 1:0.75");
  expectRefused(malformed, "1:0.25 3:0.75", "3:0.25 3:0.75");
  expectRefused(malformed, "-1.5 \n", "-1.5 \n-1 1:1\n");
  expectRefused(ErrorCode::ShapeMismatch, "2:1", "4:1");
  expectRefused(ErrorCode::NonFiniteWeights, "2:1", "2:nan");
  expectRefused(ErrorCode::NonFiniteWeights, "rho 0.25", "rho inf");
  expectRefused(ErrorCode::OutOfMemory, "total_sv 3\nrho 0.25\nlabel 7 -1\nprobA -1.5\nprobB 0.125\nnr_sv 2 1",
                "total_sv 999999999999\nrho 0.25\nlabel 7 -1");
  expectError(malformed, [] { readModel(""); });
  expectError(malformed, [] { readModel("\x89PNG\r\n\x1a\n"); });
}

// A line of two bytes is a vector of all dimensions.
TEST(LibsvmFile, ShortLinesMakeNoMoreThanTheirFileAnswersFor) {
  constexpr std::int64_t wide = std::int64_t{1} << 20;  // 8 MiB a vector
  const auto vectors = [](int count, const char* kernel, const char* line, const std::optional<PrecomputedFrom>& from) {
    std::string text = std::string("svm_type c_svc\nkernel_type ") + kernel +
                       "\nnr_class 2\nrho 0\nlabel 1 -1\ntotal_sv " + std::to_string(count) + "\nSV\n";
    for (int i = 0; i < count; ++i) text += line;
    return readLibsvm(text, "a.model", wide, from).machine.supports();
  };
  EXPECT_EQ(vectors(8, "linear", "1\n", {}), 8);
  const Error error = expectError(ErrorCode::OutOfMemory, [&] { vectors(9, "linear", "1\n", {}); });
  EXPECT_EQ(error.where(), "a.model");
  EXPECT_EQ(error.got(), "9 vectors of 1048576 dimensions");
  EXPECT_EQ(error.expected(), "at most 67118264 bytes of them in a file of 94 bytes");
  const PrecomputedFrom one{{{KernelKind::Linear, 1, 1}}, std::vector<double>(wide, 0.5)};
  EXPECT_EQ(vectors(9, "precomputed", "1 0:1\n", one), 9);
  EXPECT_EQ(expectError(ErrorCode::OutOfMemory, [&] { vectors(10, "precomputed", "1 0:1\n", one); }).got(),
            "10 vectors of 1048576 dimensions");
}

// Files from strangers: an Error or a machine that scores.
TEST(LibsvmFile, SurvivesMutations) {
  std::mt19937 random(2);
  const std::string alphabet = "0123456789.:-+e \nSVnaif\0\xff";
  int fine = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string text = round % 2 == 0 ? kRbfModel : kPrecomputedModel;
    for (unsigned n = random() % 4 + 1; n > 0 && !text.empty(); --n) {
      const std::size_t at = random() % text.size(), length = random() % 6;
      const char letter = alphabet[random() % alphabet.size()];
      if (random() % 3 == 0)
        text.erase(at, length);
      else if (random() % 2 == 0)
        text.insert(at, 1, letter);
      else
        text[at] = letter;
    }
    try {
      const LibsvmModel model = readModel(text, kPictures);
      EXPECT_EQ(scores(model.machine, std::vector<double>{0.2, 0.3, 0.5}).size(), 2u);
      ++fine;
    } catch (const Error& error) {
      EXPECT_FALSE(error.where().empty());
    }
  }
  EXPECT_GT(fine, 50);
  EXPECT_LT(fine, 900);
}

}  // namespace relprop::test
