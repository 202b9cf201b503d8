#pragma once

namespace relprop::cli {

// The threads of a parallel step wait for one another by spinning, by default as long as a time slice. When another
// program needs the cores, a spinning thread takes the place of the one it waits for and every step costs a slice;
// asleep it costs a few per cent on a quiet machine. The OpenMP runtime reads its setting when it is loaded. Where the
// setting could not be made before that, the program starts itself once more with it, unless the environment says how
// to wait or the command is one that measures.
void waitAsleep(int argc, char** argv);

// A limit of a file's size and a pipe that nobody reads any more are errors of the write that meets them, not the end
// of the process; under a limit of memory threads do not reserve much of it each.
void settleLimits();

}  // namespace relprop::cli
