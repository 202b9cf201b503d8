// Every method there is, in the order they are listed to users.
#include "explain/methods/method_list.h"

#include <iterator>

#include "explain/procedures/procedures.h"

namespace relprop {
namespace {

constexpr const char* kLrp = "Bach et al., PLOS ONE 2015";
constexpr const char* kOverview = "Montavon et al., LRP: an overview, 2019";
constexpr const char* kTaylor = "Montavon et al., Pattern Recognition 2017, arXiv:1512.02479";
constexpr const char* kRap = "Nam et al., AAAI 2020, arXiv:1904.00605";
constexpr const char* kPattern = "Kindermans et al., ICLR 2018, arXiv:1705.05598";

constexpr MethodEntry kMethods[] = {
    {"rap", "relative attributing propagation: relevant and irrelevant parts, conserving", kRap, rap},
    {"rap-signed", "RAP with negative relevance sent to negative contributions", kRap, rapSigned},
    {"rap-summary", "RAP's summary form: R+ over z+, R- over z-", kRap, rapSummary},
    {"lrp-0", "LRP without stabiliser", kLrp, lrp0},
    {"lrp-epsilon", "LRP-epsilon everywhere", kLrp, lrpEpsilon},
    {"lrp-zplus", "positive contributions everywhere (alpha 1, beta 0)", kTaylor, lrpZplus},
    {"lrp-alpha1beta0", "LRP alpha 1, beta 0 everywhere", kLrp, lrpAlpha1Beta0},
    {"lrp-alpha2beta1", "LRP alpha 2, beta 1 everywhere", kLrp, lrpAlpha2Beta1},
    {"lrp-gamma", "LRP-gamma everywhere", kOverview, lrpGamma},
    {"epsilon-plus", "epsilon for dense, z+ for convolutions", kOverview, epsilonPlus},
    {"epsilon-plus-flat", "epsilon-plus with flat first layer", kOverview, epsilonPlusFlat},
    {"epsilon-alpha2beta1", "epsilon for dense, alpha 2 beta 1 for convolutions", kOverview, epsilonAlpha2Beta1},
    {"epsilon-alpha2beta1-flat", "epsilon-alpha2beta1 with flat first layer", kOverview, epsilonAlpha2Beta1Flat},
    {"epsilon-gamma-box", "epsilon for dense, gamma for convolutions, z^B first", kOverview, epsilonGammaBox},
    {"lrp-resnet", "LRP for ResNets: positive weights, relevance splitting, heat quantisation",
     "Otsuki et al., ECCV 2024, arXiv:2407.09115", lrpResnet},
    {"attn-lrp", "LRP for attention: epsilon, matrix products by halves, softmax by Taylor shares",
     "Achtibat et al., ICML 2024, arXiv:2402.05602", attnLrp},
    {"rollout", "of transformers: attention multiplied through the layers, skip paths counting half",
     "Abnar & Zuidema, ACL 2020, arXiv:2005.00928", rollout},
    {"gen-att", "of transformers: attention times its gradient, where positive, added up through the layers",
     "Chefer et al., ICCV 2021, arXiv:2103.15679", genericAttention},
    {"bow-lrp", "of bags of visual words: the score over words, features and pixels", kLrp, bowLrp},
    {"deep-taylor", "z+ everywhere, z^B for pixels (first=wsquare for unbounded inputs)", kTaylor, deepTaylor},
    {"taylor", "first-order Taylor: (x - root) times the gradient at the root", kTaylor, taylor},
    {"sensitivity", "squared derivative of the score by the input", kTaylor, sensitivity},
    {"gradient", "derivative of the score by the input", "Simonyan et al., ICLR workshop 2014, arXiv:1312.6034",
     gradient},
    {"input-x-gradient", "input times gradient", "Shrikumar et al., 2016, arXiv:1605.01713", inputTimesGradient},
    {"guided-backprop", "gradient, at ReLU only what is positive and was active",
     "Springenberg et al., ICLR workshop 2015, arXiv:1412.6806", guidedBackprop},
    {"deconvnet", "gradient, at ReLU only what is positive", "Zeiler & Fergus, ECCV 2014, arXiv:1311.2901", deconvnet},
    {"integrated-gradients", "gradients along the way from a baseline, times the difference",
     "Sundararajan et al., ICML 2017, arXiv:1703.01365", integratedGradients},
    {"guided-ig", "integrated gradients along a way that first changes what the score depends on least",
     "Kapishnikov et al., CVPR 2021, arXiv:2106.09788", guidedIntegratedGradients},
    {"blur-ig", "gradients along the way from a blurred picture, times the difference",
     "Xu et al., CVPR 2020, arXiv:2004.03383", blurIntegratedGradients},
    {"smoothgrad", "mean gradient of noisy copies", "Smilkov et al., 2017, arXiv:1706.03825", smoothGrad},
    {"vargrad", "variance of the gradients of noisy copies", "Adebayo et al., 2018, arXiv:1810.03307", varGrad},
    {"deeplift", "DeepLIFT, rescale rule: differences to a baseline", "Shrikumar et al., ICML 2017, arXiv:1704.02685",
     deepLift},
    {"gradient-shap", "expected gradients between a baseline and noisy copies",
     "Lundberg & Lee, NeurIPS 2017, arXiv:1705.07874; Erion et al., 2021, arXiv:1906.10670", gradientShap},
    {"expected-gradients", "gradients between the picture and many others, times the difference, mean over all",
     "Erion et al., Nature Machine Intelligence 2021, arXiv:1906.10670", expectedGradients},
    {"pattern-net", "gradient walk through patterns estimated from data", kPattern, patternNet},
    {"pattern-attribution", "gradient walk through weights times patterns", kPattern, patternAttribution},
    {"grad-cam", "a layer's channels, weighted by their mean gradient", "Selvaraju et al., ICCV 2017, arXiv:1610.02391",
     gradCam},
    {"guided-grad-cam", "grad-cam's map times that of guided backpropagation",
     "Selvaraju et al., ICCV 2017, arXiv:1610.02391", guidedGradCam},
    {"fullgrad", "input times gradient, and of every layer its bias times gradient, as magnitudes",
     "Srinivas & Fleuret, NeurIPS 2019, arXiv:1905.00780", fullGrad},
    {"grad-cam++", "Grad-CAM with weights for many instances: positive gradients, each position its own share",
     "Chattopadhay et al., WACV 2018, arXiv:1710.11063", gradCamPlusPlus},
    {"layer-cam", "a layer's channels, each position weighted by its own positive gradient",
     "Jiang et al., IEEE TIP 2021, doi:10.1109/TIP.2021.3089943", layerCam},
    {"hires-cam", "a layer's channels, each position weighted by its own gradient",
     "Draelos & Carin, 2020, arXiv:2011.08891", hiResCam},
    {"xgrad-cam", "a layer's channels, weighted by their mean gradient in proportion to the activation",
     "Fu et al., BMVC 2020, arXiv:2008.02312", xGradCam},
    {"eigen-cam", "a layer's first principal component, whatever the class",
     "Muhammad & Yeasin, IJCNN 2020, arXiv:2008.00299", eigenCam},
    {"excitation-backprop", "probabilities of a walk from the output along positive weights, at one layer",
     "Zhang et al., IJCV 2018, arXiv:1608.00507", excitationBackprop},
    {"contrastive-excitation-backprop", "the same less that of the class's dual, whose last weights are negated",
     "Zhang et al., IJCV 2018, arXiv:1608.00507", contrastiveExcitationBackprop},
    {"score-cam", "a layer's channels, weighted by the score of the image masked with them",
     "Wang et al., CVPR workshop 2020, arXiv:1910.01279", scoreCam},
    {"ablation-cam", "a layer's channels, weighted by how much the score falls without them",
     "Desai & Ramaswamy, WACV 2020, doi:10.1109/WACV45572.2020.9093360", ablationCam},
    {"occlusion", "how much the score falls when a window is covered", "Zeiler & Fergus, ECCV 2014, arXiv:1311.2901",
     occlusion},
    {"rise", "mean of random masks, weighted by the probability they leave to the target",
     "Petsiuk et al., BMVC 2018, arXiv:1806.07421", rise},
    {"lime", "a linear model of the probability, of which superpixels are there",
     "Ribeiro et al., KDD 2016, arXiv:1602.04938", lime},
    {"kernel-shap", "Shapley values of superpixels, by weighted least squares over coalitions of them",
     "Lundberg & Lee, NeurIPS 2017, arXiv:1705.07874", kernelShap},
    {"xrai", "segments of several scales in the order of the integrated gradients they bring a pixel",
     "Kapishnikov et al., ICCV 2019, arXiv:1906.02825", xrai},
    {"random", "random numbers in place of relevance: what a map has to beat", "Adebayo et al., 2018, arXiv:1810.03292",
     randomMap}};

}  // namespace

const std::vector<MethodEntry>& methodList() {
  static const std::vector<MethodEntry> methods(std::begin(kMethods), std::end(kMethods));
  return methods;
}

}  // namespace relprop
