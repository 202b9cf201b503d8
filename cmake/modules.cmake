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
  target_include_directories(relprop_${NAME} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  # -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow: gcc 12 raises false alarms in std::string.
  target_compile_options(relprop_${NAME} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
                         $<$<BOOL:${RELPROP_WERROR}>:-Werror>)
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
