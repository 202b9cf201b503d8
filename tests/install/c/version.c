// A user's program in C: finds the header and the library by pkg-config, and the version that pkg-config says.
#include <relprop/relprop.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  const char* version = relprop_version();
  printf("relprop %s from C\n", version);
  return strcmp(version, EXPECTED_VERSION) == 0 ? 0 : 1;
}
