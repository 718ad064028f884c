#pragma once

namespace reverie {

// The commit that this program was built from, with "+" behind it where sources were changed since;
// "unknown" where they do not lie in a git clone. Written by cmake/build_commit.cmake at each
// build.
extern const char* const kBuildCommit;

}  // namespace reverie
