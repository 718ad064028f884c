# reverie_room(<folder> LINK <PUBLIC|PRIVATE> <targets>...)
#
# One static library for one folder of the tree: every .cpp below it, and pch.h precompiled where the
# folder has one. Adding a file needs no edit here.
function(reverie_room name)
  cmake_parse_arguments(ROOM "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(reverie_${name} STATIC ${sources})
  target_include_directories(reverie_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(reverie_${name} ${ROOM_LINK} PRIVATE reverie_options)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${name}/pch.h)
    target_precompile_headers(reverie_${name} PRIVATE ${CMAKE_SOURCE_DIR}/${name}/pch.h)
  endif()
endfunction()
