// The list of metrics and the text of protocols.
#include <set>

#include "eval/metric.h"
#include "unit/eval/metric_case.h"

namespace relprop::test {
namespace {

TEST(MetricList, DescribesEveryMetric) {
  std::set<std::string> names;
  for (const MetricInfo& info : metricInfos()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name << " is there twice";
    EXPECT_FALSE(info.summary.empty() || info.citation.empty()) << info.name;
    ASSERT_FALSE(info.scores.empty()) << info.name;
    std::set<std::string> scores;
    for (const ScoreInfo& one : info.scores) {
      EXPECT_TRUE(scores.insert(one.name).second) << info.name << ", " << one.name;
      EXPECT_NE(one.summary, "") << info.name << ", " << one.name;
    }
  }
}

// Keys that came later than stores whose rows do not name them.
bool cameLater(const std::string& metric, const std::string& key) {
  return key == "precision" || (metric == "randomisation" && (key == "samples" || key == "noise"));
}

TEST(MetricList, CompletesEveryProtocolOnce) {
  for (const MetricInfo& info : metricInfos()) {
    const std::string complete = completeProtocol(info.name), version = info.name + "@" + std::to_string(info.version);
    EXPECT_EQ(complete.rfind(version, 0), 0u) << complete;
    EXPECT_EQ(completeProtocol(complete), complete);
    EXPECT_EQ(completeProtocol(version), complete);
    for (const auto& [key, choices] : info.parameters)
      EXPECT_EQ(complete.find(key + "=") == std::string::npos, cameLater(info.name, key)) << complete;
  }
}

// Rows of stores written before there was a precision keep their names.
TEST(MetricList, NamesAPrecisionWhereItIsNotFloat32) {
  EXPECT_EQ(completeProtocol("deletion:precision=f32"), completeProtocol("deletion"));
  EXPECT_EQ(completeProtocol("deletion:precision=bf16"), completeProtocol("deletion") + ",precision=bf16");
  EXPECT_EQ(eval::parseProtocol("deletion:precision=bf16").precision, Precision::Bfloat16);
  EXPECT_EQ(eval::withPrecision("deletion", Precision::Bfloat16), "deletion:precision=bf16");
  EXPECT_EQ(eval::withPrecision("deletion:step=9", Precision::Bfloat16), "deletion:step=9,precision=bf16");
  EXPECT_EQ(eval::withPrecision("deletion:precision=f32", Precision::Bfloat16), "deletion:precision=f32");
  EXPECT_EQ(eval::withPrecision("deletion", Precision::Float32), "deletion");
  EXPECT_EQ(eval::withPrecision("miou", Precision::Bfloat16), "miou");  // asks the network nothing
  const Error wrong = failureOf([] { completeProtocol("srg:precision=f16"); });
  EXPECT_EQ(wrong.code(), ErrorCode::InvalidMetricParameter);
  EXPECT_EQ(wrong.got(), "'f16'");
  EXPECT_EQ(wrong.expected(), "f32 or bf16");
  const Error foreign = failureOf([] { completeProtocol("miou:precision=bf16"); });
  EXPECT_EQ(foreign.code(), ErrorCode::InvalidMetricParameter);
}

// A protocol's text is its name in stores: the same numbers are the same protocol.
TEST(MetricList, NumbersHaveOneText) {
  for (const char* tolerance : {"15", "015", "15.0", "+15", "1.5e1"})
    EXPECT_EQ(completeProtocol(std::string("pointing-game:tolerance=") + tolerance),
              completeProtocol("pointing-game:tolerance=15"))
        << tolerance;
  EXPECT_EQ(completeProtocol("continuity:sigma=.50"), completeProtocol("continuity:sigma=0.5"));
  EXPECT_EQ(completeProtocol("randomisation:samples=00"), completeProtocol("randomisation"));
  EXPECT_EQ(completeProtocol("randomisation:samples=50.0,noise=0.10"), completeProtocol("randomisation:samples=50"));
  EXPECT_EQ(completeProtocol("randomisation:layers=05"), completeProtocol("randomisation:layers=5"));
}

TEST(MetricList, SaysWhatAMetricNeeds) {
  for (const MetricInfo& info : metricInfos()) {
    if (info.name == "outside-inside") EXPECT_EQ(info.needs, "boxes or a mask");
    if (info.name == "miou") EXPECT_EQ(info.needs, "a mask");
    if (info.name == "sparseness") EXPECT_EQ(info.needs, "");
  }
}

TEST(MetricList, RefusesUnknownNamesAndOtherVersions) {
  const Error unknown = failureOf([] { completeProtocol("sparsness"); });
  EXPECT_EQ(unknown.code(), ErrorCode::UnknownMetric);
  EXPECT_EQ(unknown.got(), "'sparsness'");
  EXPECT_EQ(unknown.hint(), "did you mean 'sparseness'?");
  const Error version = failureOf([] { completeProtocol("sparseness@7"); });
  EXPECT_EQ(version.code(), ErrorCode::InvalidMetricParameter);
  EXPECT_EQ(version.got(), "version 7");
  EXPECT_EQ(version.expected(), "version 1");
}

}  // namespace
}  // namespace relprop::test
