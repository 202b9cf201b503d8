#pragma once

#include "kernels/program.h"

namespace relprop::ref {

void runProgram(const Program& program, const ProgramArgs& args);

}  // namespace relprop::ref
