"""HDF5Dataset and HDF5Writer of stable-worldmodel, without the rest of the package.

The package imports torch, torchvision and its environments (gigabytes). Its two classes of the HDF5
layout only hand arrays to torch.from_numpy() and permute() them, so NumPy stands in for torch here.
"""

import importlib.util
import pathlib
import sys
import types

import numpy as np


class Array(np.ndarray):
    def permute(self, *axes):
        return self.transpose(axes)

    def numpy(self):
        return np.asarray(self)


def _load():
    root = pathlib.Path(importlib.util.find_spec("stable_worldmodel").submodule_search_locations[0])
    torch = types.ModuleType("torch")
    torch.from_numpy = lambda values: values.view(Array)
    torch.Tensor = Array
    sys.modules.setdefault("torch", torch)
    for folder in (root, root / "data", root / "data/formats"):
        name = ".".join(folder.relative_to(root.parent).parts)
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules.setdefault(name, package)
    import stable_worldmodel.data.formats.hdf5 as hdf5
    return hdf5


_hdf5 = _load()
HDF5Dataset = _hdf5.HDF5Dataset
HDF5Writer = _hdf5.HDF5Writer
