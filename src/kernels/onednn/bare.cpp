#include "kernels/bare.h"

#include <chrono>
#include <cstring>
#include <unordered_map>

#include "kernels/onednn/engine.h"
#include "kernels/threads.h"
#include "relprop/error.h"

namespace relprop {

struct BareLayer {
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> args;
};

namespace {

using dnnl::memory;
using onednn::ConvDescs;
using onednn::cpu;

memory::desc any(const memory::dims& dims, memory::data_type type) {
  return {dims, type, memory::format_tag::any};
}

// factor: type of weights and of what they are multiplied with; the result of either direction is float32.
ConvDescs describe(const LinearCall& call, memory::data_type factor) {
  const LinearShape& s = call.shape;
  const bool back = call.kind == LinearCall::Kind::Backward;
  const memory::data_type in = back ? memory::data_type::f32 : factor, out = back ? factor : memory::data_type::f32;
  const memory::dims weights = s.groups == 1 ? memory::dims{s.oc, s.ic, s.kh, s.kw}
                                             : memory::dims{s.groups, s.oc / s.groups, s.ic / s.groups, s.kh, s.kw};
  ConvDescs d{any({s.n, s.ic, s.ih, s.iw}, in),
              any(weights, factor),
              {},
              any({s.n, s.oc, s.oh, s.ow}, out),
              {s.sh, s.sw},
              {s.dh - 1, s.dw - 1},
              {s.pt, s.pl},
              {s.pb, s.pr}};
  if (s.dense) d.src = any({s.n, s.ic}, in), d.weights = any({s.oc, s.ic}, factor), d.dst = any({s.n, s.oc}, out);
  return d;
}

// Small numbers that are not denormal: the processor takes longer for those. Two bytes of 0x3c3c are 0.011 as a
// bfloat16, four are 0.011 as a float.
memory filled(const memory::desc& md) {
  memory m(md, cpu());
  std::memset(m.get_data_handle(), 0x3c, md.get_size());
  return m;
}

template <class Primitive, class Desc>
BareLayer forwardLayer(const Desc& pd) {
  return {Primitive(pd),
          {{DNNL_ARG_SRC, filled(pd.src_desc())},
           {DNNL_ARG_WEIGHTS, filled(pd.weights_desc())},
           {DNNL_ARG_DST, filled(pd.dst_desc())}}};
}

template <class Primitive, class Desc>
BareLayer backwardLayer(const Desc& pd) {
  return {Primitive(pd),
          {{DNNL_ARG_DIFF_DST, filled(pd.diff_dst_desc())},
           {DNNL_ARG_WEIGHTS, filled(pd.weights_desc())},
           {DNNL_ARG_DIFF_SRC, filled(pd.diff_src_desc())}}};
}

BareLayer layerOf(const LinearCall& call, memory::data_type factor) {
  const dnnl::primitive_attr attr;
  const ConvDescs d = describe(call, factor);
  using BackConv = dnnl::convolution_backward_data;
  using BackDense = dnnl::inner_product_backward_data;
  if (call.kind == LinearCall::Kind::Forward)
    return call.shape.dense ? forwardLayer<dnnl::inner_product_forward>(onednn::denseForward(d, attr, cpu()))
                            : forwardLayer<dnnl::convolution_forward>(onednn::convForward(d, attr, cpu()));
  return call.shape.dense ? backwardLayer<BackDense>(onednn::denseGradient<BackDense>(d, attr, cpu()))
                          : backwardLayer<BackConv>(onednn::convGradient<BackConv>(d, attr, cpu()));
}

[[noreturn]] void fail(const dnnl::error& e, BareType type) {
  if (type == BareType::Bfloat16 && e.status == dnnl_unimplemented)
    throw Error(ErrorCode::NotSupportedByHardware, "floor", "no bfloat16 layers",
                "a processor that multiplies bfloat16", "measure the floor in float32");
  if (e.status == dnnl_out_of_memory || !hasRoomFor(kRoomForKernels)) onednn::failMemory("floor");
  throw Error(ErrorCode::Internal, "floor", e.what(), "a primitive oneDNN can make");
}

}  // namespace

struct BareLayers::Impl {
  int threads = 0;
  std::vector<BareLayer> layers = {};
};

BareLayers::BareLayers(const std::vector<LinearCall>& calls, int threads, BareType type)
    : impl_(std::make_unique<Impl>(Impl{threads})) {
  const ThreadScope scope(threads);
  const auto factor = type == BareType::Bfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  try {
    for (const LinearCall& call : calls) impl_->layers.push_back(layerOf(call, factor));
  } catch (const dnnl::error& e) {
    fail(e, type);
  }
}
BareLayers::~BareLayers() = default;

std::vector<double> BareLayers::sweep() {
  const ThreadScope scope(impl_->threads);
  std::vector<double> seconds;
  for (const BareLayer& l : impl_->layers) {
    const auto start = std::chrono::steady_clock::now();
    l.primitive.execute(onednn::stream(), l.args);
    onednn::stream().wait();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return seconds;
}

}  // namespace relprop
