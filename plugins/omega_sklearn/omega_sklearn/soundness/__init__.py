"""Whether the contents of a model fit together, beyond the names of its types.

A trusted type says that building the object runs no foreign code. It does not say that the
contents fit together, and much of scikit-learn's compiled code follows the shapes and the indices
that an estimator holds without a check: a crafted payload could make `predict` read and write
outside of its arrays. So whatever compiled code relies on is described here, and what is not as
described is not admitted: neither stored, nor given to anyone after it was read.

`descriptions` says how attributes are described. `file_states` examines a file before anything is
built of it, `loaded_model` all that was built: `compiled_objects` those; `every_estimator` what
holds for all; `trees`, `coefficients`, `neighbors` and `encoders` the families whose attributes are
handed to compiled code.
"""

from __future__ import annotations

from .descriptions import UndescribedError, UnsoundError
from .file_states import check_file
from .loaded_model import check

__all__ = ["UndescribedError", "UnsoundError", "check", "check_file"]
