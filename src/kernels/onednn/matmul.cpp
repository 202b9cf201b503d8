#include "kernels/onednn/matmul.h"

#include "kernels/onednn/engine.h"

namespace relprop::onednn {
namespace {

using dnnl::memory;

// A stack of matrices; a transposed one is described by its strides.
memory::desc stack(std::int64_t batch, std::int64_t rows, std::int64_t columns, bool transposed) {
  const memory::dims strides =
      transposed ? memory::dims{rows * columns, 1, rows} : memory::dims{rows * columns, columns, 1};
  return {{batch, rows, columns}, memory::data_type::f32, strides};
}

class Matmul : public Kernel {
 public:
  explicit Matmul(const MatmulSpec& s)
      : a_(stack(s.batch, s.m, s.k, s.transposeA), cpu(), nullptr),
        b_(stack(s.batch, s.k, s.n, s.transposeB), cpu(), nullptr),
        c_(stack(s.batch, s.m, s.n, false), cpu(), nullptr) {
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const auto pd = matmulForward(a_.get_desc(), b_.get_desc(), c_.get_desc(), attr, cpu());
    primitive_ = dnnl::matmul(pd);
    scratch_ = memory(pd.scratchpad_desc(), cpu(), nullptr);
  }

  void run(const std::byte* const* in, std::byte* const* out, void* scratch) const override {
    a_.set_data_handle(const_cast<std::byte*>(in[0]));
    b_.set_data_handle(const_cast<std::byte*>(in[1]));
    c_.set_data_handle(out[0]);
    scratch_.set_data_handle(scratch);
    primitive_.execute(
        stream(), {{DNNL_ARG_SRC, a_}, {DNNL_ARG_WEIGHTS, b_}, {DNNL_ARG_DST, c_}, {DNNL_ARG_SCRATCHPAD, scratch_}});
    stream().wait();
  }

  std::int64_t scratchBytes() const override { return static_cast<std::int64_t>(scratch_.get_desc().get_size()); }

 private:
  mutable memory a_, b_, c_, scratch_;
  dnnl::matmul primitive_;
};

}  // namespace

KernelPtr matmul(const MatmulSpec& spec) {
  return std::make_unique<Matmul>(spec);
}

}  // namespace relprop::onednn
