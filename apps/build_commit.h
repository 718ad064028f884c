#pragma once

namespace reverie {

// The commit that this program was built from, followed by "+" if sources were changed since;
// "unknown" if they are not in a git clone. Written by cmake/build_commit.cmake at each build.
extern const char* const kBuildCommit;

}  // namespace reverie
