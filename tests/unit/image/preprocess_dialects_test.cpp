// Preprocessing as Hugging Face and timm write it. What is expected here is what their code does with such a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/image/support.h"

namespace relprop::test {
namespace dialects_test {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Resize = Preprocess::Resize;

Preprocess read(const std::string& json) {
  return parsePreprocess(json, "p.json");
}

// "key is value", of the one error that there is.
std::string refused(const std::string& json) {
  return expectError(ErrorCode::MalformedPreprocess, [&] { read(json); }).got();
}

// A file that says all but what a test is about.
std::string of(const std::string& processor, const std::string& more) {
  return R"({"image_mean": [0, 0, 0], "image_std": [1, 1, 1], "resample": 2, "image_processor_type": ")" + processor +
         R"(", )" + more + "}";
}

// ---- the meaning of size

TEST(HuggingFace, OneNumberIsTheShorterSideForSomeProcessors) {
  for (const std::string name :
       {"BitImageProcessor", "ViTHybridImageProcessor", "MobileViTFeatureExtractor", "CLIPImageProcessor",
        "ChineseCLIPFeatureExtractor", "MobileNetV1FeatureExtractor", "MobileNetV2ImageProcessorFast"}) {
    const Preprocess p = read(of(name, R"("size": 200, "crop_size": 160, "do_flip_channel_order": true)"));
    EXPECT_EQ(p.resize, Resize::ShorterSide) << name;
    EXPECT_EQ(p.size, 200) << name;
    EXPECT_EQ(p.crop, (std::array{160, 160})) << name;
    EXPECT_THAT(p.notes, IsEmpty()) << name;
  }
}

TEST(HuggingFace, OneNumberIsBothSidesForOthers) {
  for (const std::string name : {"ViTImageProcessor", "DeiTFeatureExtractor", "BeitImageProcessor", "PvtImageProcessor",
                                 "SegformerImageProcessor", "SiglipImageProcessor", "EfficientNetImageProcessor"}) {
    const Preprocess p = read(of(name, R"("size": 200, "do_center_crop": false, "include_top": false)"));
    EXPECT_EQ(p.resize, Resize::Warp) << name;
    EXPECT_EQ(p.size, 200) << name;
    EXPECT_THAT(p.notes, IsEmpty()) << name;
  }
}

TEST(HuggingFace, OneNumberOfAnUnknownProcessorIsAnAssumption) {
  EXPECT_THAT(
      read(of("FooImageProcessor", R"("size": 200)")).notes,
      ElementsAre("p.json names FooImageProcessor, which is not known here: its size 200 is taken for both sides"));
  EXPECT_EQ(read(of("FooImageProcessor", R"("size": 200, "crop_size": 160)")).resize, Resize::ShorterSide);
}

TEST(HuggingFace, LevitEnlargesTheShorterSide) {
  EXPECT_EQ(read(of("LevitFeatureExtractor", R"("size": 224, "crop_size": 224)")).size, 256);
  EXPECT_EQ(read(of("LevitImageProcessor", R"("size": {"height": 224, "width": 224}, "crop_size": 224)")).size, 224);
}

TEST(HuggingFace, NullInASizeIsNothing) {
  const Preprocess p = read(of("ViTImageProcessorFast", R"("crop_size": null, "do_center_crop": null,
      "size": {"height": 20, "width": 30, "shortest_edge": null})"));
  EXPECT_EQ(p.sides, (std::array{20, 30}));
  EXPECT_EQ(p.crop, (std::array{0, 0}));
}

// ---- shares of what was resized

TEST(HuggingFace, PoolFormerResizesToMoreThanItKeeps) {
  const std::string name = "PoolFormerImageProcessor", crop = R"(, "crop_pct": 0.9, "crop_size": 224)";
  for (const std::string size : {R"({"height": 224, "width": 224})", R"({"shortest_edge": 224})", "224"}) {
    const Preprocess p = read(of(name, R"("size": )" + size + crop));
    EXPECT_EQ(p.resize, Resize::ShorterSide) << size;
    EXPECT_EQ(p.size, 248) << size;
    EXPECT_EQ(p.crop, (std::array{224, 224})) << size;
  }
  const Preprocess unequal = read(of(name, R"("size": {"height": 180, "width": 90}, "do_center_crop": false)"));
  EXPECT_EQ(unequal.sides, (std::array{200, 100}));
  EXPECT_THAT(unequal.notes, ElementsAre(HasSubstr("crop_pct 0.9")));
  EXPECT_EQ(read(of(name, R"("size": {"shortest_edge": 448})" + crop)).size, 497) << "is no ConvNeXT, which warps";
}

TEST(HuggingFace, ConvNextCutsOutOfMoreUnlessItWarps) {
  const Preprocess small = read(of("ConvNextImageProcessor", R"("size": {"shortest_edge": 224})"));
  EXPECT_EQ(small.size, 256);
  EXPECT_EQ(small.crop, (std::array{224, 224}));
  EXPECT_THAT(small.notes,
              ElementsAre(HasSubstr("ConvNextImageProcessor has by itself, which is taken: crop_pct 0.875")));
  const Preprocess large = read(of("ConvNextFeatureExtractor", R"("size": 384, "crop_pct": 0.5)"));
  EXPECT_EQ(large.resize, Resize::Warp);
  EXPECT_EQ(large.size, 384);
  EXPECT_THAT(refused(of("ConvNextImageProcessor", R"("size": {"height": 224, "width": 224})")), HasSubstr("\"size\""));
}

TEST(HuggingFace, SharesAreNoMoreThanAllAndLeaveAPicture) {
  for (const std::string name : {"ConvNextImageProcessor", "PoolFormerImageProcessor", "FooImageProcessor"})
    for (const std::string share : {"0", "-0.5", "2.0", "1e-10", "1e-300"})
      EXPECT_THAT(refused(of(name, R"("size": {"shortest_edge": 224}, "crop_pct": )" + share)),
                  HasSubstr("\"crop_pct\" is " + share))
          << name;
  EXPECT_THAT(refused(of("FooImageProcessor", R"("size": [8, 8], "crop_pct": 0.9)")), HasSubstr("crop_pct"));
}

TEST(HuggingFace, PerceiverCropsFirst) {
  const Preprocess p = read(of("PerceiverFeatureExtractor", R"("size": 224, "crop_size": 256)"));
  EXPECT_EQ(p.resize, Resize::ShorterSide);
  EXPECT_EQ(p.size, 256);
  EXPECT_EQ(p.crop, (std::array{224, 224}));
  EXPECT_THAT(p.notes, ElementsAre(HasSubstr("crops before it resizes")));
  EXPECT_THAT(refused(of("PerceiverImageProcessor", R"("size": 224, "crop_size": 200)")), HasSubstr("crop_size"));
}

// ---- numbers

TEST(HuggingFace, EfficientNetWithItsTopDividesTwice) {
  const auto network = [](const std::string& more) {
    return read(R"({"image_processor_type": "EfficientNetImageProcessor", "size": 8, "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.25, 2])" +
                more + "}");
  };
  EXPECT_THAT(network(R"(, "include_top": true)").std, ElementsAre(0.25, 0.0625, 4));
  EXPECT_THAT(network(R"(, "include_top": false)").std, ElementsAre(0.5, 0.25, 2));
  EXPECT_THAT(network("").std, ElementsAre(0.25, 0.0625, 4));
  EXPECT_THAT(network(R"(, "resample": 2)").notes, ElementsAre(HasSubstr("include_top true")));
  const Preprocess unnormalised = network(R"(, "include_top": true, "do_normalize": false)");
  EXPECT_THAT(unnormalised.std, ElementsAre(0.5, 0.25, 2));
  EXPECT_THAT(unnormalised.mean, ElementsAre(0, 0, 0));
}

TEST(HuggingFace, WhatIsLeftOutIsAsTheProcessorHasIt) {
  const Preprocess vit = read(R"({"image_processor_type": "ViTImageProcessor"})");
  EXPECT_EQ(vit.resize, Resize::Warp);
  EXPECT_EQ(vit.size, 224);
  EXPECT_DOUBLE_EQ(vit.scale, 1.0 / 255);
  EXPECT_THAT(vit.mean, ElementsAre(0.5, 0.5, 0.5));
  EXPECT_THAT(vit.std, ElementsAre(0.5, 0.5, 0.5));
  EXPECT_THAT(vit.notes,
              ElementsAre("p.json leaves out what ViTImageProcessor has by itself, which is taken: size 224, "
                          "image_mean [0.5, 0.5, 0.5], image_std [0.5, 0.5, 0.5]"));
  const Preprocess clip = read(R"({"feature_extractor_type": "CLIPFeatureExtractor"})");
  EXPECT_EQ(clip.resize, Resize::ShorterSide);
  EXPECT_EQ(clip.crop, (std::array{224, 224}));
  EXPECT_DOUBLE_EQ(clip.mean.at(1), 0.4578275);
  EXPECT_THAT(clip.notes, ElementsAre(HasSubstr("resizes by bicubic"), HasSubstr("crop_size 224")));
  const Preprocess mobile =
      read(R"({"image_processor_type": "MobileViTImageProcessor", "size": 288, "crop_size": 256})");
  EXPECT_TRUE(mobile.bgr);
  EXPECT_THAT(mobile.mean, ElementsAre(0, 0, 0));
  EXPECT_THAT(mobile.notes, ElementsAre(HasSubstr("do_flip_channel_order true")));
}

TEST(HuggingFace, TheFastOneOfTwoMayHaveOtherValues) {
  EXPECT_EQ(read(R"({"image_processor_type": "BeitImageProcessor"})").crop, (std::array{224, 224}));
  const Preprocess fast = read(R"({"image_processor_type": "BeitImageProcessorFast"})");
  EXPECT_EQ(fast.size, 224);
  EXPECT_EQ(fast.crop, (std::array{0, 0}));
  EXPECT_EQ(read(R"({"image_processor_type": "DeiTImageProcessorFast"})").size, 256);
}

TEST(HuggingFace, ACropThatTheProcessorDoesNotMakeIsSaid) {
  const Preprocess p = read(of("EfficientNetImageProcessor", R"("size": 346, "crop_size": 289, "include_top": false)"));
  EXPECT_EQ(p.crop, (std::array{0, 0}));
  EXPECT_THAT(p.notes, ElementsAre(HasSubstr("do_center_crop false")));
}

TEST(HuggingFace, WhatAnUnknownProcessorHasByItselfIsNotGuessed) {
  EXPECT_EQ(refused(R"({"image_processor_type": "FooImageProcessor"})"), "\"size\" is missing");
  EXPECT_EQ(refused(R"({"image_processor_type": "FooImageProcessor", "size": 8})"), "\"image_mean\" is missing");
  EXPECT_EQ(refused(R"({"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": true})"),
            "\"size\" is missing");
  const Preprocess none =
      read(R"({"image_processor_type": "FooImageProcessor", "do_resize": false, "do_normalize": false})");
  EXPECT_EQ(none.resize, Resize::None);
  EXPECT_THAT(none.notes, IsEmpty());
}

TEST(HuggingFace, WithoutAProcessorWhatIsNotThereIsNotDone) {
  const Preprocess p = read(R"({"do_rescale": true})");
  EXPECT_EQ(p.resize, Resize::None);
  EXPECT_THAT(p.notes, ElementsAre("p.json names no processor: without a size pictures are brought to the network's; "
                                   "without a mean none is subtracted"));
}

TEST(HuggingFace, FiltersAreThoseOfPillow) {
  const auto with = [](const std::string& filter) {
    return R"({"size": [8, 8], "image_mean": [0], "image_std": [1], "resample": )" + filter + "}";
  };
  EXPECT_THAT(read(with("2")).notes, IsEmpty());
  EXPECT_THAT(read(with("1")).notes, ElementsAre("p.json resizes by lanczos; bilinear is used here"));
  for (const std::string filter : {"99", "-1", "2.5", "\"bicubic\""})
    EXPECT_EQ(refused(with(filter)), "\"resample\" is " + filter);
}

TEST(HuggingFace, NumbersAreRefusedByTheFilesOwnNames) {
  EXPECT_THAT(refused(R"({"image_mean": [0.5], "image_std": [1e-40]})"), HasSubstr("\"image_std\" is [1e-40]"));
  EXPECT_THAT(refused(R"({"image_mean": [0.5], "image_std": [0]})"), HasSubstr("\"image_std\" is [0]"));
  EXPECT_THAT(refused(R"({"image_mean": [1e30], "image_std": [1]})"), HasSubstr("\"image_mean\" is [1e+30]"));
  EXPECT_THAT(refused(R"({"image_mean": [0.5], "image_std": [1], "rescale_factor": 1e300})"),
              HasSubstr("\"rescale_factor\" is 1e+300"));
}

TEST(HuggingFace, KeysThatAreNotObeyedAreSaid) {
  EXPECT_THAT(read(of("ViTImageProcessor", R"("size": 8, "keep_aspect_ratio": true, "ensure_multiple_of": 32)")).notes,
              ElementsAre("p.json has keys that are not known here and not obeyed: keep_aspect_ratio, "
                          "ensure_multiple_of"));
  EXPECT_THAT(read(of("ViTImageProcessor", R"("size": 8, "do_thumbnail": false, "num_channels": null,
      "processor_class": "X", "do_convert_rgb": true, "do_pad": false, "pad_size": 8)"))
                  .notes,
              IsEmpty());
}

// One of the two readings would leave the other's unread.
TEST(Dialects, KeysOfTwoFormsAreRefused) {
  const std::string theirs = R"("image_mean": [0.5], "image_std": [0.5])";
  for (const std::string own : {R"("channels": "BGR")", R"("scale": 1)", R"("mean": [0])", R"("resize": {})"}) {
    const std::string key = own.substr(1, own.find('"', 1) - 1);
    EXPECT_EQ(refused("{" + theirs + ", " + own + "}"), "keys of two forms, '" + key + "' and 'image_mean'");
  }
  EXPECT_EQ(refused(R"({"channels": "BGR", "scale": 1, "mean": [0], "std": [1], "input_size": [3, 8, 8]})"),
            "keys of two forms, 'channels' and 'input_size'");
  EXPECT_EQ(refused(R"({"scale": 1, "pretrained_cfg": {}})"), "keys of two forms, 'scale' and 'pretrained_cfg'");
  EXPECT_EQ(refused(R"({"do_resize": true, "pretrained_cfg": {}})"),
            "keys of two forms, 'do_resize' and 'pretrained_cfg'");
  EXPECT_EQ(refused("{" + theirs + R"(, "input_size": [3, 8, 8], "mean": [0], "std": [1]})"),
            "keys of two forms, 'image_mean' and 'input_size'");
}

// Hugging Face's class for timm's networks writes timm's keys.
TEST(Dialects, AProcessorMayBeNamedBesideTimmsKeys) {
  const Preprocess p = read(R"({"image_processor_type": "TimmWrapperImageProcessor", "pretrained_cfg":
      {"input_size": [3, 224, 224], "mean": [0.5], "std": [0.5], "crop_pct": 1.0}})");
  EXPECT_EQ(p.size, 224);
  EXPECT_THAT(p.mean, ElementsAre(0.5));
}

// ---- timm

std::string timm(const std::string& more) {
  return R"({"pretrained_cfg": {"input_size": [3, 224, 224], "mean": [0.5], "std": [0.5])" + more + "}}";
}

TEST(Timm, WhatIsLeftOutIsTimms) {
  const Preprocess p = read(timm(""));
  EXPECT_EQ(p.size, 256);
  EXPECT_THAT(p.notes, ElementsAre("p.json has no crop_pct: timm's 0.875 is taken",
                                   "p.json resizes by bicubic; bilinear is used here"));
  EXPECT_THAT(read(timm(R"(, "crop_pct": 1, "interpolation": "bilinear")")).notes, IsEmpty());
}

TEST(Timm, FiltersHaveNames) {
  EXPECT_EQ(refused(timm(R"(, "crop_pct": 1, "interpolation": 5)")), "\"interpolation\" is 5");
  EXPECT_EQ(refused(timm(R"(, "crop_pct": 1, "interpolation": "")")), "\"interpolation\" is \"\"");
}

TEST(Timm, SharesLeaveAPicture) {
  for (const std::string share : {"0", "-1", "1.5", "1e-10", "1e-300"})
    EXPECT_THAT(refused(timm(R"(, "crop_pct": )" + share)), HasSubstr("\"crop_pct\" is " + share));
}

TEST(Timm, AnEmptyDescriptionIsNamed) {
  EXPECT_EQ(refused(R"({"pretrained_cfg": null})"), "\"pretrained_cfg\" is null");
  EXPECT_EQ(refused(R"({"pretrained_cfg": [1]})"), "\"pretrained_cfg\" is [1]");
  EXPECT_EQ(refused(R"({"pretrained_cfg": {}})"), "\"mean\" is missing");
  EXPECT_EQ(refused(R"({"pretrained_cfg": {"mean": [0], "std": [1]}})"), "\"input_size\" is missing");
}

}  // namespace dialects_test
}  // namespace relprop::test
