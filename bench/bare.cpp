#include "bare.h"

#include <chrono>

#include "kernels/onednn/compat.h"

namespace relprop::bench {
namespace {

using dnnl::memory;
using onednn::ConvDescs;

memory::desc any(const memory::dims& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::any};
}

ConvDescs describe(const LinearShape& s) {
  const memory::dims weights = s.groups == 1 ? memory::dims{s.oc, s.ic, s.kh, s.kw}
                                             : memory::dims{s.groups, s.oc / s.groups, s.ic / s.groups, s.kh, s.kw};
  ConvDescs d{any({s.n, s.ic, s.ih, s.iw}), any(weights), {},          any({s.n, s.oc, s.oh, s.ow}), {s.sh, s.sw},
              {s.dh - 1, s.dw - 1},         {s.pt, s.pl}, {s.pb, s.pr}};
  if (s.dense) d.src = any({s.n, s.ic}), d.weights = any({s.oc, s.ic}), d.dst = any({s.n, s.oc});
  return d;
}

struct Layer {
  dnnl::primitive primitive;
  std::unordered_map<int, memory> args;
};

memory filled(const memory::desc& md, const dnnl::engine& engine) {
  memory m(md, engine);
  float* p = static_cast<float*>(m.get_data_handle());
  for (std::size_t i = 0; i < md.get_size() / sizeof(float); ++i) p[i] = static_cast<float>(i % 13) * 0.01f;
  return m;
}

template <class Primitive, class Desc>
Layer forwardLayer(const Desc& pd, const dnnl::engine& e) {
  return {Primitive(pd),
          {{DNNL_ARG_SRC, filled(pd.src_desc(), e)},
           {DNNL_ARG_WEIGHTS, filled(pd.weights_desc(), e)},
           {DNNL_ARG_DST, filled(pd.dst_desc(), e)}}};
}

template <class Primitive, class Desc>
Layer backwardLayer(const Desc& pd, const dnnl::engine& e) {
  return {Primitive(pd),
          {{DNNL_ARG_DIFF_DST, filled(pd.diff_dst_desc(), e)},
           {DNNL_ARG_WEIGHTS, filled(pd.weights_desc(), e)},
           {DNNL_ARG_DIFF_SRC, filled(pd.diff_src_desc(), e)}}};
}

double sweep(const std::vector<Layer>& layers, dnnl::stream& stream) {
  const auto start = std::chrono::steady_clock::now();
  for (const Layer& l : layers) l.primitive.execute(stream, l.args);
  stream.wait();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

struct BareLayers::Impl {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::vector<Layer> forward, backward;
};

BareLayers::BareLayers(const std::vector<LinearShape>& layers) : impl_(std::make_unique<Impl>()) {
  const dnnl::primitive_attr attr;
  for (const LinearShape& s : layers) {
    const ConvDescs d = describe(s);
    if (s.dense) {
      impl_->forward.push_back(
          forwardLayer<dnnl::inner_product_forward>(onednn::denseForward(d, attr, impl_->engine), impl_->engine));
      impl_->backward.push_back(backwardLayer<dnnl::inner_product_backward_data>(
          onednn::denseGradient<dnnl::inner_product_backward_data>(d, attr, impl_->engine), impl_->engine));
    } else {
      impl_->forward.push_back(
          forwardLayer<dnnl::convolution_forward>(onednn::convForward(d, attr, impl_->engine), impl_->engine));
      impl_->backward.push_back(backwardLayer<dnnl::convolution_backward_data>(
          onednn::convGradient<dnnl::convolution_backward_data>(d, attr, impl_->engine), impl_->engine));
    }
  }
}
BareLayers::~BareLayers() = default;
double BareLayers::forward() {
  return sweep(impl_->forward, impl_->stream);
}
double BareLayers::backward() {
  return sweep(impl_->backward, impl_->stream);
}

}  // namespace relprop::bench
