# reverie_module(<folder> LINK <PUBLIC|PRIVATE> <targets>... [TORCH] [JOINED])
#
# One static library for one folder of the tree: every .cpp below it. Adding a file needs no edit here.
#
# Headers that nearly every source reads are precompiled twice for the whole tree: core/pch.h, and with
# TORCH nn/pch.h, which has LibTorch's. GCC takes a precompiled header only where options and macros are
# the same, so both come from reverie_options, and what few files need is defined for those files.
add_library(reverie_plain_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
target_link_libraries(reverie_plain_pch PRIVATE fmt::fmt reverie_options)
target_precompile_headers(reverie_plain_pch PRIVATE ${PROJECT_SOURCE_DIR}/core/pch.h)
add_library(reverie_torch_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
target_link_libraries(reverie_torch_pch PRIVATE fmt::fmt reverie::torch reverie_options)
target_precompile_headers(reverie_torch_pch PRIVATE ${PROJECT_SOURCE_DIR}/nn/pch.h)
foreach(kind plain torch)
  target_include_directories(reverie_${kind}_pch PRIVATE ${PROJECT_SOURCE_DIR})
endforeach()

# Four sources are compiled as one where REVERIE_JOIN_SOURCES is on: each source with LibTorch's headers
# spends 2 seconds on templates of theirs, whatever it does itself. What one source keeps in its
# anonymous namespace must have another name than in the others of its folder.
function(reverie_join target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${REVERIE_JOIN_SOURCES} UNITY_BUILD_BATCH_SIZE 4)
endfunction()

function(reverie_module name)
  cmake_parse_arguments(MODULE "TORCH;JOINED" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cpp)
  add_library(reverie_${name} STATIC ${sources})
  target_include_directories(reverie_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(reverie_${name} ${MODULE_LINK} PRIVATE reverie_options)
  target_compile_features(reverie_${name} PUBLIC cxx_std_20)
  if(MODULE_TORCH)
    target_precompile_headers(reverie_${name} REUSE_FROM reverie_torch_pch)
  else()
    target_precompile_headers(reverie_${name} REUSE_FROM reverie_plain_pch)
  endif()
  if(MODULE_JOINED)
    reverie_join(reverie_${name})
  endif()
endfunction()
