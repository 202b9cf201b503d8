// The one place where oneDNN 2.x and 3.x differ: primitive descriptors are made in two steps there, in one here.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <string>

namespace relprop::onednn {

struct ConvDescs {
  dnnl::memory::desc src, weights, bias, dst;
  dnnl::memory::dims strides, dilates, padBegin, padEnd;
};

inline void appendRelu(dnnl::post_ops& ops) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0.f, 0.f);
#else
  ops.append_eltwise(1.f, dnnl::algorithm::eltwise_relu, 0.f, 0.f);
#endif
}

inline dnnl::convolution_forward::primitive_desc convForward(const ConvDescs& d, const dnnl::primitive_attr& attr,
                                                             const dnnl::engine& engine) {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  constexpr auto alg = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, alg, d.src, d.weights, d.bias, d.dst, d.strides, d.dilates, d.padBegin, d.padEnd, attr};
#else
  return {{kind, alg, d.src, d.weights, d.bias, d.dst, d.strides, d.dilates, d.padBegin, d.padEnd}, attr, engine};
#endif
}

inline dnnl::convolution_backward_data::primitive_desc convBackward(const ConvDescs& d,
                                                                    const dnnl::primitive_attr& attr,
                                                                    const dnnl::engine& engine) {
  constexpr auto alg = dnnl::algorithm::convolution_direct;
  const auto any = dnnl::memory::format_tag::any;
  ConvDescs hint = d;  // the forward description the backward one is derived from; its layouts are free
  hint.src = {d.src.dims(), dnnl::memory::data_type::f32, any};
  hint.dst = {d.dst.dims(), dnnl::memory::data_type::f32, any};
  hint.bias = {};
#if DNNL_VERSION_MAJOR >= 3
  const auto forward =
      dnnl::convolution_forward::primitive_desc(engine, dnnl::prop_kind::forward_training, alg, hint.src, hint.weights,
                                                hint.dst, d.strides, d.dilates, d.padBegin, d.padEnd);
  return {engine, alg, d.src, d.weights, d.dst, d.strides, d.dilates, d.padBegin, d.padEnd, forward, attr};
#else
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, alg, hint.src, hint.weights, hint.dst, d.strides, d.dilates, d.padBegin,
       d.padEnd},
      engine);
  return {{alg, d.src, d.weights, d.dst, d.strides, d.dilates, d.padBegin, d.padEnd}, attr, engine, forward};
#endif
}

inline dnnl::inner_product_forward::primitive_desc denseForward(const ConvDescs& d, const dnnl::primitive_attr& attr,
                                                                const dnnl::engine& engine) {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, d.src, d.weights, d.bias, d.dst, attr};
#else
  return {{kind, d.src, d.weights, d.bias, d.dst}, attr, engine};
#endif
}

inline dnnl::inner_product_backward_data::primitive_desc denseBackward(const ConvDescs& d,
                                                                       const dnnl::primitive_attr& attr,
                                                                       const dnnl::engine& engine) {
#if DNNL_VERSION_MAJOR >= 3
  const auto forward =
      dnnl::inner_product_forward::primitive_desc(engine, dnnl::prop_kind::forward_training, d.src, d.weights, d.dst);
  return {engine, d.src, d.weights, d.dst, forward, attr};
#else
  const dnnl::inner_product_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, d.src, d.weights, d.dst}, engine);
  return {{d.src, d.weights, d.dst}, attr, engine, forward};
#endif
}

inline dnnl::lrn_forward::primitive_desc lrnForward(const dnnl::memory::desc& md, dnnl::memory::dim size, float alpha,
                                                    float beta, float k, const dnnl::primitive_attr& attr,
                                                    const dnnl::engine& engine) {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  constexpr auto alg = dnnl::algorithm::lrn_across_channels;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, alg, md, md, size, alpha, beta, k, attr};
#else
  return {{kind, alg, md, size, alpha, beta, k}, attr, engine};
#endif
}

}  // namespace relprop::onednn
