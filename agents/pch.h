#pragma once

#include "nn/pch.h"
