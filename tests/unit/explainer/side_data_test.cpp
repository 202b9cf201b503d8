// Files and metadata that were made for other programs, and numbers that an input of integers does not hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <span>

#include "relprop/explain.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "unit/onnx/model_builder.h"

namespace relprop::test {
namespace side_data_test {

using relprop::onnx_test::ModelBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Names = std::vector<std::string>;

enum Type { kFloat = 1, kUint8 = 2, kInt8 = 3, kInt32 = 6 };

// Three classes of a picture whose elements have this type.
ModelBuilder network(Type type = kFloat, const std::map<std::string, std::string>& metadata = {}) {
  ModelBuilder b;
  b.input("x", {-1, 3, 8, 8}).mutable_type()->mutable_tensor_type()->set_elem_type(type);
  b.node("Cast", {"x"}, {"floats"}, {{"to", 1}});
  b.weights("w", {3, 3, 3, 3});
  b.node("Conv", {"floats", "w"}, {"c"});
  b.node("GlobalAveragePool", {"c"}, {"g"});
  b.node("Flatten", {"g"}, {"y"});
  auto& scores = *b.output("y").mutable_type()->mutable_tensor_type();
  scores.set_elem_type(kFloat);
  scores.mutable_shape()->add_dim()->set_dim_param("N");
  scores.mutable_shape()->add_dim()->set_dim_value(3);
  for (const auto& [key, value] : metadata) {
    auto* entry = b.model.add_metadata_props();
    entry->set_key(key), entry->set_value(value);
  }
  return b;
}

Model inMemory(const ModelBuilder& b) {
  const std::vector<std::uint8_t> bytes = b.bytes();
  return Model::fromBytes(std::as_bytes(std::span(bytes)));
}

// What is found beside a network where a file of that name lies there.
class Beside {
 public:
  Beside(const std::string& name, const std::string& text)
      : model_(Model::load(folder_.write("m.onnx", network().bytes()))) {
    folder_.write(name, text);
  }
  FoundLabels labels() const { return findLabels(model_); }
  FoundPreprocess pixels(const std::string& given = {}) const { return findPreprocess(model_, given); }

 private:
  TemporaryFolder folder_;
  Model model_;
};

TEST(ForeignLabels, AreLeftAsideWithANoteWhereTheyAreNone) {
  for (const auto& [config, why] : std::map<std::string, std::string>{
           {R"({"id2label": null})", "id2label: null"},
           {R"({"id2label": {}})", "no labels"},
           {R"({"id2label": "abc"})", "id2label: string"},
           {R"({"id2label": {"0": "a", "2": "b"}})", "no class 1"},
           {R"({"id2label": {"cat": 0}})", "key 'cat'"},
           {R"({"id2label": {"0": 1, "1": 2, "2": 3}})", "class 0: number"},
           {R"({"id2label": {"0": "a", "0": "b", "1": "c", "2": "d"}})", "key '0' twice"},
           {R"({"id2label": ["a", "b", "c", "d", "e"]})", "the network has 3 classes"},
           {R"({"label_names": [1, 2, 3]})", "no text"},
           {"{broken", "no JSON"}}) {
    const FoundLabels found = Beside("config.json", config).labels();
    EXPECT_THAT(found.names, IsEmpty()) << config;
    EXPECT_THAT(found.notes, ElementsAre(::testing::AllOf(HasSubstr("config.json are left aside"), HasSubstr(why))))
        << config;
  }
  for (const std::string config : {"{}", "[1, 2]", R"({"name": "of another program"})"})
    EXPECT_THAT(Beside("config.json", config).labels().notes, IsEmpty()) << "says nothing of labels";
}

TEST(ForeignLabels, OfTheModelItselfAreRefused) {
  EXPECT_EQ(failureOf([] { Beside("m.labels.txt", "a\nb\n").labels(); }).code(), ErrorCode::InvalidArgument);
}

TEST(ForeignPreprocess, ThatIsNotUnderstoodIsNotPassedOver) {
  for (const auto& [name, text] : std::map<std::string, std::string>{{"preprocessor_config.json", R"({"foo": 1})"},
                                                                     {"config.json", R"({"pretrained_cfg": [1]})"}}) {
    const Beside beside(name, text);
    const Error error = expectError(ErrorCode::MalformedPreprocess, [&] { beside.pixels(); });
    EXPECT_THAT(error.where(), HasSubstr(name));
    EXPECT_EQ(error.hint(), "give the preprocessing with --preprocess");
    EXPECT_EQ(beside.pixels("unit").from, "unit");
  }
  EXPECT_THAT(expectError(ErrorCode::MalformedPreprocess,
                          [] { Beside("preprocessor_config.json", R"({"image_processor_type": "Foo"})").pixels(); })
                  .expected(),
              HasSubstr("what Foo takes by itself is not known here"));
}

TEST(ForeignPreprocess, OfTimmMayBeLeftEmpty) {
  EXPECT_FALSE(Beside("config.json", R"({"pretrained_cfg": null})").pixels().preprocess);
}

TEST(Metadata, PreprocessingMayHaveBlanksAround) {
  const std::string json = R"({"channels": "RGB", "scale": 1, "mean": [0], "std": [2]})";
  const FoundPreprocess found =
      findPreprocess(inMemory(network(kFloat, {{"relprop.preprocess", " \n" + json + "\n"}})));
  ASSERT_TRUE(found.preprocess);
  EXPECT_EQ(found.preprocess->std, std::vector<double>{2});
  EXPECT_EQ(findPreprocess(inMemory(network(kFloat, {{"relprop.preprocess", "unit\n"}}))).preprocess->name, "unit");
  const Error error = failureOf([] { findPreprocess(inMemory(network(kFloat, {{"relprop.preprocess", "banana"}}))); });
  EXPECT_STREQ(error.where().c_str(), "metadata relprop.preprocess");
  EXPECT_THAT(error.got(), HasSubstr("banana"));
}

FoundLabels ofUltralytics(const std::string& names) {
  return findLabels(inMemory(network(kFloat, {{"names", names}})));
}

TEST(Metadata, NamesOfUltralyticsGoByNumber) {
  const Names wanted = {"a", "b", "it's"};
  for (const std::string names : {R"({0: 'a', 1: 'b', 2: "it's"})", R"({2: 'it\'s', 0: 'a', 1: 'b'})",
                                  R"( {"0": "a" , "1":"b", "2": "it's" } )"}) {
    EXPECT_EQ(ofUltralytics(names).names, wanted) << names;
    EXPECT_THAT(ofUltralytics(names).notes, IsEmpty()) << names;
  }
}

TEST(Metadata, NamesOfUltralyticsThatDoNotGoFromZeroOnAreLeftAside) {
  for (const std::string names :
       {"{0: 'a', 10: 'b', 22: 'c'}", "{1: 'a', 2: 'b', 3: 'c'}", "{0: 'a', 0: 'b', 1: 'c', 2: 'd'}", "{0: 'a', 1: 'b'",
        "{0: 'a', 1: 'b', 2: 'c'} x", "{0: 'a', 1: x'b', 2: 'c'}", "{-0: 'a', 1: 'b', 2: 'c'}", "{}", "{", "{0",
        "{0:", "{0:'", "{99999999999999999999: 'a'}", "['a', 'b', 'c']", " "}) {
    const FoundLabels found = ofUltralytics(names);
    EXPECT_THAT(found.names, IsEmpty()) << names;
    EXPECT_THAT(found.notes, ElementsAre(HasSubstr("are left aside"))) << names;
  }
}

TEST(IntegerInput, OfInt8IsGivenNoBytes) {
  const Model model = inMemory(network(kInt8));
  EXPECT_FALSE(model.takesBytes());
  EXPECT_FALSE(findPreprocess(model).preprocess);
  EXPECT_THAT(model.notes(), ElementsAre(HasSubstr("input 'x' is of int8, -128 to 127")));
  const TemporaryFolder folder;
  EXPECT_FALSE(Model::load(folder.write("m.onnx", network(kInt8).bytes())).takesBytes());
}

TEST(IntegerInput, OfOtherTypesHoldsBytes) {
  for (const Type type : {kUint8, kInt32}) {
    const Model model = inMemory(network(type));
    EXPECT_TRUE(model.takesBytes());
    EXPECT_THAT(model.notes(), IsEmpty());
    EXPECT_EQ(findPreprocess(model).preprocess->notes.size(), 1u) << "the bytes";
  }
}

TEST(IntegerInput, NumbersThatItDoesNotHoldAreSaid) {
  const Model model = inMemory(network(kUint8));
  EXPECT_THAT(findPreprocess(model, "keras-tf").preprocess->notes,
              ElementsAre("the network's input is of integers, and keras-tf gives it numbers from -1 to 1, not all of "
                          "them whole: bytes are whole numbers from 0 to 255"));
  EXPECT_THAT(findPreprocess(model, "unit").preprocess->notes, ElementsAre(HasSubstr("from 0 to 1, not all")));
  const TemporaryFolder folder;
  const auto given = [&](const std::string& mean) {
    const std::string json = R"({"channels": "RGB", "scale": 1, "std": [1], "mean": [)" + mean + "]}";
    return findPreprocess(model, folder.write("p.json", json).string()).preprocess->notes;
  };
  EXPECT_THAT(given("0"), IsEmpty());
  EXPECT_THAT(given("128"), ElementsAre(HasSubstr("numbers from -128 to 127: bytes")));
  EXPECT_THAT(findPreprocess(inMemory(network()), "keras-tf").preprocess->notes, IsEmpty());
}

}  // namespace side_data_test
}  // namespace relprop::test
