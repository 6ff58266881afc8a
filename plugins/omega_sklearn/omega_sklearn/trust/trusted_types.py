"""The types that a stored model may hold beyond those that skops trusts by itself.

skops builds an object only from types whose names the reader trusts. What a payload can do with a
trusted name is limited by `schema_grammar`: use a class or a function as a value, without
calling it, or make a bare instance of a class and hand any state to its ``__setstate__``. A name
is listed here only if that is harmless, whatever the state is, *and* if calling it would be,
which is the second line of defence: it opens no file, imports nothing, evaluates no text, and
runs nothing but itself. Each group says why. The compiled types were
read in the sources of scikit-learn 1.9; the Python classes were searched for every special method
that loading could reach, and what was found was read. The functions were judged by their documented
purpose, not line by line: the grammar is what keeps a payload from calling them. Names that an
installed version lacks are harmless: nothing resolves them.

Compiled types whose methods index memory without a check are listed only because
`omega_sklearn.soundness` examines their contents after loading, before anyone can use them. Where a
function may be an attribute that is called, `parameter_rules` says.

What is left out on purpose: `joblib.Memory` (unpickles its cache directory), ``scipy.stats``
distributions (their ``__setstate__`` hands a string of the state to `exec`), ``operator``
callables and bound methods (name any attribute of an object), ``PyFuncDistance`` (calls into
Python from compiled code), ``numpy`` functions that open files, and everything that is not part of
scikit-learn or below it.
"""

from __future__ import annotations


def _names(module: str, names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for name in names.split())


_LISTED = (
    # Compiled. __setstate__ checks the dtype and the shape of the node array and copies it; node
    # indices are not checked there, and are checked by soundness.
    *_names("sklearn.tree._tree", "Tree"),
    # Python. __setstate__ fills __dict__ and casts the nodes; its node array is read by compiled
    # code without a check, so soundness.check_predictor checks it.
    *_names("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
    # Compiled. __setstate__ assigns typed views, which check dtype and rank; the indices in them
    # are checked by soundness, with the size of the metric's parameters, as is the length of the
    # state before it is set.
    *_names("sklearn.neighbors._kd_tree", "KDTree KDTree64 KDTree32"),
    *_names("sklearn.neighbors._ball_tree", "BallTree BallTree64 BallTree32"),
    # Compiled. The state is one float and two typed arrays (p, vec, mat); no names, no callables.
    # PyFuncDistance, the one that holds a callable, is not here.
    *(
        f"{metric}Distance{width}"
        for metric in _names(
            "sklearn.metrics._dist_metrics",
            "BrayCurtis Canberra Chebyshev Dice Euclidean Hamming Haversine Jaccard Mahalanobis "
            "Manhattan Minkowski RogersTanimoto RussellRao SEuclidean SokalMichener SokalSneath",
        )
        for width in ("64", "32")
    ),
    # Python. Plain attributes around a compiled loss of skops' own list; links are pure functions.
    *_names(
        "sklearn._loss.loss",
        "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss "
        "HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss "
        "PinballLoss",
    ),
    *_names(
        "sklearn._loss.link",
        "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit",
    ),
    # Python. No __setstate__ of their own beyond BaseEstimator's (fills __dict__), constructors
    # that only assign: the fitted halves of estimators that skops trusts as a whole.
    *_names("sklearn.calibration", "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling"),
    *_names("sklearn.cluster._bisect_k_means", "_BisectingTree"),
    *_names("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper"),
    *_names("sklearn.gaussian_process._gpc", "_BinaryGaussianProcessClassifierLaplace"),
    *_names("sklearn.multiclass", "_ConstantPredictor"),
    *_names("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer SGDOptimizer"),
    *_names("sklearn.compose._column_transformer", "make_column_selector _RemainderColsList"),
    *_names("sklearn.utils._metadata_requests", "MetadataRequest MethodMetadataRequest"),
    # A dict whose keys are attributes too; its __setstate__ does nothing, by design.
    *_names("sklearn.utils._bunch", "Bunch"),
    *_names("sklearn.utils", "Bunch"),
    # Estimators that skops' list lacks only because they are still flagged experimental.
    *_names("sklearn.impute._iterative", "IterativeImputer _ImputerTriplet"),
    *_names(
        "sklearn.model_selection._search_successive_halving",
        "HalvingGridSearchCV HalvingRandomSearchCV _SubsampleMetaSplitter",
    ),
    # Python. Parameters of a Gaussian process, kept as plain attributes.
    *_names(
        "sklearn.gaussian_process.kernels",
        "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter "
        "Matern PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel",
    ),
    # Python. Parameters of a cross-validation, kept as plain attributes.
    *_names(
        "sklearn.model_selection._split",
        "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut "
        "PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold "
        "StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit _CVIterableWrapper",
    ),
    # Python. A scoring function and its keyword arguments; calls it only when a model is scored.
    *_names(
        "sklearn.metrics._scorer",
        "_BaseScorer _CurveScorer _MultimetricScorer _PassthroughScorer _Scorer "
        "negative_likelihood_ratio positive_likelihood_ratio",
    ),
    # Where scikit-learn 1.5 kept it.
    *_names("sklearn.model_selection._classification_threshold", "_CurveScorer"),
    # Functions of arrays to a number, those behind scikit-learn's named scorers. A *name* of a
    # function is all that a payload holds. They compute, and call nothing that they are given.
    *_names(
        "sklearn.metrics._classification",
        "accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score d2_brier_score "
        "d2_log_loss_score f1_score fbeta_score hamming_loss jaccard_score log_loss "
        "matthews_corrcoef precision_score recall_score zero_one_loss",
    ),
    *_names(
        "sklearn.metrics._ranking",
        "average_precision_score ndcg_score roc_auc_score top_k_accuracy_score",
    ),
    *_names(
        "sklearn.metrics._regression",
        "d2_absolute_error_score d2_pinball_score explained_variance_score max_error "
        "mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance "
        "mean_pinball_loss mean_poisson_deviance mean_squared_error mean_squared_log_error "
        "mean_tweedie_deviance median_absolute_error r2_score root_mean_squared_error "
        "root_mean_squared_log_error",
    ),
    *_names(
        "sklearn.metrics.cluster._supervised",
        "adjusted_mutual_info_score adjusted_rand_score completeness_score fowlkes_mallows_score "
        "homogeneity_score mutual_info_score normalized_mutual_info_score rand_score "
        "v_measure_score",
    ),
    # Functions of arrays to arrays that estimators keep as parameters or, in their fitted state,
    # as part of the implementation. They compute, and call nothing that they are given.
    *_names(
        "sklearn.feature_selection._univariate_selection",
        "chi2 f_classif f_oneway f_regression r_regression",
    ),
    *_names("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression"),
    *_names("sklearn.cluster._kmeans", "_kmeans_single_elkan _kmeans_single_lloyd"),
    *_names("sklearn.utils.validation", "check_array"),
    # Reductions and element-wise functions (ufuncs are skops' own list). No loaders, no savers.
    *_names(
        "numpy",
        "amax amin around clip cumprod cumsum max mean median min nan_to_num nanmax nanmean "
        "nanmedian nanmin nanstd nansum nanvar prod ptp round std sum var",
    ),
    # Kept by scipy.interpolate.BSpline.
    "numpy.asarray",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    # Binds arguments to a function, which must itself be trusted; skops builds no subclass.
    "functools.partial",
    # Containers of numbers. skops reads sparse ones with scipy.sparse.load_npz, which refuses
    # pickles; soundness checks the indices of the sparse ones, and the knots of splines.
    *(
        f"scipy.sparse._{layout}.{layout}_{flavour}"
        for layout in ("bsr", "coo", "csc", "csr", "dia")
        for flavour in ("array", "matrix")
    ),
    # Since scipy 1.18, the first of these holds the second and a module of scipy.
    *_names("scipy.interpolate._bsplines", "BSpline _BSpline"),
    # A dtype is read through numpy.load of an empty array, with allow_pickle=False.
    "numpy.dtype",
    # Abstract number types, for selecting columns; `object`, as the dtype of an encoder.
    *_names("numpy", "floating generic inexact integer number signedinteger unsignedinteger"),
    "builtins.object",
    "builtins.frozenset",
)
SHIPPED = frozenset(_LISTED)
"""Exact names, as skops reports them."""
