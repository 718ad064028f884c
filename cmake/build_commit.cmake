# cmake -DSOURCE=... -DOUT=... -P build_commit.cmake
#
# Writes the source file that says which commit is built, where it says anything else.
execute_process(COMMAND git rev-parse HEAD WORKING_DIRECTORY ${SOURCE}
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit unknown)
else()
  # Pages and records say nothing about what the program does.
  execute_process(COMMAND git status --porcelain --untracked-files=no -- . ":!docs" ":!*.md"
    WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes)
    string(APPEND commit "+")
  endif()
endif()
string(CONCAT text "#include \"apps/build_commit.h\"\n\nnamespace reverie {\n\n"
  "const char* const kBuildCommit = \"${commit}\";\n\n}  // namespace reverie\n")
set(before "")
if(EXISTS ${OUT})
  file(READ ${OUT} before)
endif()
if(NOT before STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
