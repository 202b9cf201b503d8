# relprop_shards(TARGET NAME COUNT [property value...]): the tests of a gtest program as COUNT ctests, NAME.1 … NAME.COUNT, so that
# thousands of tests are not as many processes. tools/checks/tests lists by name those that failed. They run in the build folder:
# __FILE__ counts from there when ccache shares what was compiled between checkouts.
function(relprop_shards TARGET NAME COUNT)
  math(EXPR last "${COUNT} - 1")
  foreach(shard RANGE ${last})
    math(EXPR number "${shard} + 1")
    add_test(NAME ${NAME}.${number} COMMAND ${TARGET} WORKING_DIRECTORY ${PROJECT_BINARY_DIR})
    set_tests_properties(${NAME}.${number} PROPERTIES TIMEOUT 2400 ${ARGN})
    set_property(TEST ${NAME}.${number} APPEND PROPERTY ENVIRONMENT GTEST_TOTAL_SHARDS=${COUNT} GTEST_SHARD_INDEX=${shard})
  endforeach()
endfunction()
