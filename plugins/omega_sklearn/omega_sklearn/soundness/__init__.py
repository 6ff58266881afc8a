"""Whether the contents of a model fit together, beyond the names of its types.

A trusted type says that building the object runs no foreign code. It does not say that the
contents fit together, and much of scikit-learn's compiled code follows the shapes and the indices
that an estimator holds without a check: a crafted payload could make `predict` read and write
outside of its arrays. So whatever compiled code relies on is described here, and what is not as
described is not admitted: neither stored, nor given to anyone after it was read.

`language` says how attributes are described. `states` examines a file before anything is built of
it, `examine` all that was built: `compiled` the compiled objects; `everyone` what holds for every
estimator; `trees`, `machines`, `neighbors`, `columns` and `words` the families whose attributes are
handed to compiled code.
"""

from __future__ import annotations

from .examine import check
from .language import UndescribedError, UnsoundError
from .states import check_file

__all__ = ["UndescribedError", "UnsoundError", "check", "check_file"]
