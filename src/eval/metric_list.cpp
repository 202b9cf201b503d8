#include "eval/metric_list.h"

namespace relprop::eval {
namespace {

constexpr const char* kRap = "Nam et al., AAAI 2020, arXiv:1904.00605, eq. 11";
constexpr const char* kSegmentation = "Nam et al., AAAI 2020, arXiv:1904.00605; Guillaumin et al., IJCV 2014";
constexpr const char* kRise = "Petsiuk et al., BMVC 2018, arXiv:1806.07421; Otsuki et al., ECCV 2024, arXiv:2407.09115";
constexpr const char* kClevr = "Arras et al., Information Fusion 2022, arXiv:2003.07258";

constexpr bool kAsksNetwork = true;

constexpr const char* kTransformers = "Chefer et al., CVPR 2021, arXiv:2012.09838; Guillaumin et al., IJCV 2014";

}  // namespace

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> list = {
      {"outside-inside", 1, "mean relevance outside the object over inside", kRap, outsideInside},
      {"pointing-game", 1, "whether the highest pixel lies on the object", "Zhang et al., IJCV 2018, arXiv:1608.00507",
       pointingGame},
      {"relevance-mass", 1, "share of positive relevance on the object", kClevr, relevanceMass},
      {"relevance-rank", 1, "share of the highest pixels on the object", kClevr, relevanceRank},
      {"energy-pointing-game", 1, "share of positive relevance inside the boxes",
       "Wang et al., CVPRW 2020, arXiv:1910.01279", energyPointingGame},
      {"grid-pointing-game", 1, "share of positive relevance in the target's cell of a mosaic of pictures",
       "Böhle et al., CVPR 2021, arXiv:2104.00032", gridPointingGame},
      {"auc", 1, "area under the ROC of the map as a detector of the object", kTransformers, areaUnderRoc},
      {"map", 1, "average precision of the map as a detector of object and background", kTransformers,
       meanAveragePrecision},
      {"pixel-accuracy", 1, "share of pixels that the thresholded map puts on the right side", kSegmentation,
       pixelAccuracy},
      {"miou", 1, "mean IOU of object and background with the thresholded map", kSegmentation, meanIou},
      {"insertion", 1, "probability of the target while pixels of high relevance are put in", kRise, insertion,
       kAsksNetwork},
      {"deletion", 1, "probability of the target while pixels of high relevance are taken out", kRise, deletion,
       kAsksNetwork},
      {"id-score", 1, "insertion − deletion, with both", kRise, idScore, kAsksNetwork},
      {"region-perturbation", 1, "loss of the score while regions are replaced in the order of their relevance (AOPC)",
       "Samek et al., IEEE TNNLS 2017, arXiv:1509.06321", regionPerturbation, kAsksNetwork},
      {"negative-perturbation", 1, "accuracy while pixels of low relevance are set to zero",
       "Nam et al., AAAI 2020, arXiv:1904.00605, figure 7", negativePerturbation, kAsksNetwork},
      {"srg", 1,
       "symmetric relevance gain: score without the least relevant regions, less that without the most relevant",
       "Blücher et al., TMLR 2024, arXiv:2401.06654", symmetricRelevanceGain, kAsksNetwork},
      {"road", 1, "the same for pixels that are imputed from their neighbours",
       "Rong et al., ICML 2022, arXiv:2202.00449", removeAndDebias, kAsksNetwork},
      {"average-drop", 1, "what the picture times the map keeps of the target, with ADCC",
       "Chattopadhay et al., WACV 2018, arXiv:1710.11063; Poppi et al., CVPRW 2021, arXiv:2104.10252", averageDrop,
       kAsksNetwork},
      {"sparseness", 1, "Gini index of the magnitudes", "Chalasani et al., ICML 2020, arXiv:1810.06583", sparseness},
      {"complexity", 1, "entropy of the magnitudes", "Bhatt et al., IJCAI 2020, arXiv:2005.00631", complexity},
      {"sensitivity-n", 1, "correlation of the relevance of n pixels with what the score loses without them",
       "Ancona et al., ICLR 2018, arXiv:1711.06104", sensitivityN, kAsksNetwork},
      {"infidelity", 1, "squared error of the relevance as a prediction of what a perturbation takes away",
       "Yeh et al., NeurIPS 2019, arXiv:1901.09392", infidelity, kAsksNetwork},
      {"continuity", 1, "largest change of the map for a small change of the picture",
       "Montavon et al., DSP 2018, arXiv:1706.07979", continuity},
      {"robustness", 1, "largest change of the map within a small box around the picture",
       "Yeh et al., NeurIPS 2019, arXiv:1901.09392", robustness},
      {"completeness", 1, "whether relevance sums to the change of the score from a baseline",
       "Sundararajan et al., ICML 2017, arXiv:1703.01365", completeness, kAsksNetwork},
      {"conservation", 1, "relevance lost or gained on the way to the pixels",
       "Bach et al., PLOS ONE 2015, doi:10.1371/journal.pone.0130140", conservation},
      {"randomisation", 1, "likeness to the maps of the network with weights re-drawn from the output down",
       "Adebayo et al., NeurIPS 2018, arXiv:1810.03292; Hedström et al., 2024, arXiv:2401.06465", randomisation},
      {"efficient-randomisation", 1, "rise of the map's entropy once all weights are re-drawn",
       "Hedström et al., 2024, arXiv:2401.06465", efficientRandomisation},
  };
  return list;
}

}  // namespace relprop::eval
