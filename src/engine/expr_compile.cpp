#include "engine/expr_compile.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace relprop {
namespace {

class Compiler {
 public:
  explicit Compiler(const ProgramRequest& request) : request_(request) {
    for (const auto& o : request.outputs) count(o.expr), pinned_.insert(o.expr.get());
    for (const auto& r : request.reductions) count(r.expr), pinned_.insert(r.expr.get());
  }

  CompiledProgram run() {
    for (const auto& o : request_.outputs) store(o);
    for (const auto& r : request_.reductions) reduce(r);
    out_.program.desc = request_.desc();
    return std::move(out_);
  }

 private:
  // How many readers each formula has: a register is free again after its last one. Formulas may be as deep as a
  // network is, so what is still to be visited is on a stack of our own, here and in emit.
  void count(const Expr& root) {
    std::vector<const ExprNode*> open = {root.get()};
    while (!open.empty()) {
      const ExprNode* e = open.back();
      open.pop_back();
      if (!e || uses_[e]++ > 0) continue;
      open.push_back(e->b.get());
      open.push_back(e->a.get());
    }
  }

  // Operands first, the left one before the right one.
  int emit(const Expr& root) {
    std::vector<const ExprNode*> open = {root.get()};
    while (!open.empty()) {
      const ExprNode& e = *open.back();
      if (const ExprNode* operand = missingOperand(e)) {
        open.push_back(operand);
        continue;
      }
      if (!isEmitted(e)) append(e);
      open.pop_back();
    }
    return reg_.at(root.get());
  }

  bool isEmitted(const ExprNode& e) const { return reg_.count(&e) != 0; }

  const ExprNode* missingOperand(const ExprNode& e) const {
    if (e.a && !isEmitted(*e.a)) return e.a.get();
    return e.b && !isEmitted(*e.b) ? e.b.get() : nullptr;
  }

  void append(const ExprNode& e) {
    const bool narrow = e.op == Elt::Load && e.view.desc.element == Element::Bfloat16;
    Instruction i{.op = narrow ? Elt::LoadNarrow : e.op, .imm = e.imm};
    if (e.a) i.a = reg_.at(e.a.get());
    if (e.b) i.b = reg_.at(e.b.get());
    i.slot = slot(e);
    // The target is taken before the sources are released: an instruction never writes over what it reads.
    i.dst = takeRegister(isKept(&e));
    release(e.a);
    release(e.b);
    out_.program.code.push_back(i);
    reg_[&e] = i.dst;
  }

  int slot(const ExprNode& e) {
    switch (e.op) {
      case Elt::Load:
        return input(e.view);
      case Elt::LoadChannel:
        return constant(out_.program.channelConstants, e.constant);
      case Elt::LoadImage:
        return constant(out_.program.imageConstants, e.constant);
      case Elt::LoadScalar:
      case Elt::Shift:
        out_.scalars.push_back(e.scalar);
        return static_cast<int>(out_.scalars.size()) - 1;
      default:
        return -1;
    }
  }

  int input(const BufferView& v) {
    for (std::size_t i = 0; i < out_.inputs.size(); ++i)
      if (out_.inputs[i].buffer == v.buffer && out_.inputs[i].offset == v.offset) return static_cast<int>(i);
    out_.inputs.push_back(v);
    return static_cast<int>(out_.inputs.size()) - 1;
  }

  template <class List, class Value>
  static int constant(List& list, const Value& value) {
    list.push_back(value);
    return static_cast<int>(list.size()) - 1;
  }

  // Stored and reduced registers are read after the whole tile has run, and loaded ones point at memory that is not
  // theirs to write: neither is ever recycled.
  bool isKept(const ExprNode* e) const { return pinned_.count(e) != 0 || e->op <= Elt::LoadImage; }

  int takeRegister(bool kept) {
    if (kept || free_.empty()) return out_.program.registers++;
    const int r = free_.back();
    free_.pop_back();
    return r;
  }

  void release(const Expr& e) {
    if (!e || --uses_[e.get()] > 0 || isKept(e.get())) return;
    free_.push_back(reg_[e.get()]);
  }

  void store(const ProgramRequest::Output& o) {
    out_.outputs.push_back(o.to);
    const int r = emit(o.expr);
    out_.program.stores.push_back({r, static_cast<int>(out_.outputs.size()) - 1});
  }

  void reduce(const ProgramRequest::Reduce& r) {
    const int reg = emit(r.expr);
    out_.reductions.push_back(r.to);
    out_.program.reductions.push_back({r.kind, reg, static_cast<int>(out_.reductions.size()) - 1});
  }

  const ProgramRequest& request_;
  CompiledProgram out_;
  std::unordered_map<const ExprNode*, int> uses_, reg_;
  std::set<const ExprNode*> pinned_;
  std::vector<int> free_;
};

}  // namespace

CompiledProgram compileProgram(const ProgramRequest& request) {
  return Compiler(request).run();
}

}  // namespace relprop
