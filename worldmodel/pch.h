#pragma once

// What nearly every source of worldmodel/ includes and no header may, see nn/pch.h.
#include "nn/pch.h"
