#pragma once

// Standard headers that nearly every source includes, precompiled; no header includes this file.
// See docs/architecture.md, "Build times".
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
