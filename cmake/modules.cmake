# relprop_together(TARGET): under RELPROP_UNITY its sources are compiled RELPROP_BATCH at a time, so that the standard library's
# and other headers are read, and their templates compiled, once for all of them. There unnamed namespaces are one: what
# files of one folder name alike is one function in a header, or gets two names.
function(relprop_together TARGET)
  set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ${RELPROP_UNITY} UNITY_BUILD_BATCH_SIZE ${RELPROP_BATCH})
endfunction()

# relprop_module(NAME [DEPS modules...] [LIBS targets...])
# One object library a source folder: relprop_NAME from src/NAME/**.cpp. DEPS are the arrows of the layering; LIBS are
# third-party targets. The shipped library is the union of all of them.
set_property(GLOBAL PROPERTY RELPROP_MODULES "")
function(relprop_module NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${NAME}/*.cpp)
  if(NOT sources)
    add_library(relprop_${NAME} INTERFACE)
    return()
  endif()
  add_library(relprop_${NAME} OBJECT ${sources})
  relprop_together(relprop_${NAME})
  target_include_directories(relprop_${NAME} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  # -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow: gcc 12 raises false alarms in std::string.
  target_compile_options(relprop_${NAME} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
                         $<$<BOOL:${RELPROP_WERROR}>:-Werror>)
  # A shared relprop shows what include/relprop/export.h marks.
  set_target_properties(relprop_${NAME} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(relprop_${NAME} PUBLIC ${ARG_LIBS})
  set_property(GLOBAL APPEND PROPERTY RELPROP_MODULES relprop_${NAME})
  set_property(GLOBAL PROPERTY RELPROP_DEPS_${NAME} "${ARG_DEPS}")
endfunction()

# All modules that NAME stands on, itself included.
function(relprop_closure NAME OUT)
  set(result ${NAME})
  get_property(deps GLOBAL PROPERTY RELPROP_DEPS_${NAME})
  foreach(dep ${deps})
    relprop_closure(${dep} below)
    list(APPEND result ${below})
  endforeach()
  list(REMOVE_DUPLICATES result)
  set(${OUT} ${result} PARENT_SCOPE)
endfunction()

# relprop_library(NAME STATIC|SHARED): all modules as one library.
function(relprop_library NAME)
  add_library(${NAME} ${ARGN})
  get_property(modules GLOBAL PROPERTY RELPROP_MODULES)
  set(libraries "")
  foreach(module ${modules})
    target_sources(${NAME} PRIVATE $<TARGET_OBJECTS:${module}>)
    get_target_property(used ${module} LINK_LIBRARIES)
    list(APPEND libraries ${used})
  endforeach()
  # The libraries themselves, not the modules: an installed relprop has no modules.
  list(REMOVE_DUPLICATES libraries)
  list(REMOVE_ITEM libraries used-NOTFOUND)
  target_link_libraries(${NAME} PRIVATE ${libraries})
  set(exports ${PROJECT_SOURCE_DIR}/cmake/exports.map)
  # Never unloaded (dlclose): protobuf keeps what its messages have registered, and threads of OpenMP run on.
  target_link_options(${NAME} PRIVATE LINKER:--version-script=${exports} LINKER:-z,nodelete)
  set_target_properties(${NAME} PROPERTIES LINKER_LANGUAGE CXX LINK_DEPENDS ${exports})
  target_include_directories(${NAME} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${NAME} PUBLIC cxx_std_20)
endfunction()
