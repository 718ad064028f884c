#pragma once

#include "apps/command.h"
#include "apps/dataset_files.h"

namespace reverie {

// The actions of `reverie dataset`, see docs/datasets.md; each takes the arguments after its name.
int dataset_info(const Arguments& arguments);
int dataset_preview(const Arguments& arguments);
int dataset_relabel(const Arguments& arguments);

}  // namespace reverie
