"""The parameters that were looked at, of every class that a stored model may hold by default.

Looked at means: what its values make scikit-learn do, at fit, predict, transform and score, was
read in the sources, and what could do harm has a rule in `parameter_rules`. A parameter
that is not here, as one of a later release, is stored and read at its default alone. The tests
derive the list anew from the installed scikit-learn, and fail with the names that are missing.

The classes are those of ``sklearn.utils.all_estimators`` and of `trusted_types`, of
scikit-learn 1.5 to 1.9; their names are unique.
"""

from __future__ import annotations

_LIST = """
AbsoluteError: device sample_weight xp
AdaBoostClassifier: algorithm estimator learning_rate n_estimators random_state
AdaBoostRegressor: estimator learning_rate loss n_estimators random_state
AdamOptimizer: beta_1 beta_2 epsilon learning_rate_init params
AdditiveChi2Sampler: sample_interval sample_steps
AffinityPropagation: affinity convergence_iter copy damping max_iter preference random_state
    verbose
AgglomerativeClustering: compute_distances compute_full_tree connectivity distance_threshold
    linkage memory metric n_clusters
ARDRegression: alpha_1 alpha_2 compute_score copy_X fit_intercept lambda_1 lambda_2 max_iter
    threshold_lambda tol verbose
BaggingClassifier: bootstrap bootstrap_features estimator max_features max_samples n_estimators
    n_jobs oob_score random_state verbose warm_start
BaggingRegressor: bootstrap bootstrap_features estimator max_features max_samples n_estimators
    n_jobs oob_score random_state verbose warm_start
_BaseScorer: kwargs response_method score_func sign
BayesianGaussianMixture: covariance_prior covariance_type degrees_of_freedom_prior init_params
    max_iter mean_precision_prior mean_prior n_components n_init random_state reg_covar tol verbose
    verbose_interval warm_start weight_concentration_prior weight_concentration_prior_type
BayesianRidge: alpha_1 alpha_2 alpha_init compute_score copy_X fit_intercept lambda_1 lambda_2
    lambda_init max_iter tol verbose
BernoulliNB: alpha binarize class_prior fit_prior force_alpha
BernoulliRBM: batch_size learning_rate n_components n_iter random_state verbose
Binarizer: copy threshold
_BinaryGaussianProcessClassifierLaplace: copy_X_train kernel max_iter_predict n_restarts_optimizer
    optimizer random_state warm_start
_BinMapper: is_categorical known_categories n_bins n_threads random_state subsample
Birch: branching_factor compute_labels copy n_clusters threshold
BisectingKMeans: algorithm bisecting_strategy copy_x init max_iter n_clusters n_init random_state
    tol verbose
_BisectingTree: center indices score
_CalibratedClassifier: calibrators classes estimator method
CalibratedClassifierCV: cv ensemble estimator method n_jobs
CategoricalNB: alpha class_prior fit_prior force_alpha min_categories
CCA: copy max_iter n_components scale tol
ClassicalMDS: metric metric_params n_components
ClassifierChain: base_estimator chain_method cv estimator order random_state verbose
ColumnTransformer: force_int_remainder_cols n_jobs remainder sparse_threshold transformer_weights
    transformers verbose verbose_feature_names_out
ComplementNB: alpha class_prior fit_prior force_alpha norm
CompoundKernel: kernels
ConstantKernel: constant_value constant_value_bounds
CountVectorizer: analyzer binary decode_error dtype encoding input lowercase max_df max_features
    min_df ngram_range preprocessor stop_words strip_accents token_pattern tokenizer vocabulary
_CurveScorer: kwargs response_method score_func sign thresholds
_CVIterableWrapper: cv
DBSCAN: algorithm eps leaf_size metric metric_params min_samples n_jobs p
DecisionTreeClassifier: ccp_alpha class_weight criterion max_depth max_features max_leaf_nodes
    min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst
    random_state splitter
DecisionTreeRegressor: ccp_alpha criterion max_depth max_features max_leaf_nodes
    min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst
    random_state splitter
DictionaryLearning: alpha callback code_init dict_init fit_algorithm max_iter n_components n_jobs
    positive_code positive_dict random_state split_sign tol transform_algorithm transform_alpha
    transform_max_iter transform_n_nonzero_coefs verbose
DictVectorizer: dtype separator sort sparse
DotProduct: sigma_0 sigma_0_bounds
DummyClassifier: constant random_state strategy
DummyRegressor: constant quantile strategy
ElasticNet: alpha copy_X fit_intercept l1_ratio max_iter positive precompute random_state selection
    tol warm_start
ElasticNetCV: alphas copy_X cv eps fit_intercept l1_ratio max_iter n_alphas n_jobs positive
    precompute random_state selection tol verbose
EllipticEnvelope: assume_centered contamination random_state store_precision support_fraction
EmpiricalCovariance: assume_centered store_precision
ExponentialLoss: device sample_weight xp
Exponentiation: exponent kernel
ExpSineSquared: length_scale length_scale_bounds periodicity periodicity_bounds
ExtraTreeClassifier: ccp_alpha class_weight criterion max_depth max_features max_leaf_nodes
    min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst
    random_state splitter
ExtraTreeRegressor: ccp_alpha criterion max_depth max_features max_leaf_nodes min_impurity_decrease
    min_samples_leaf min_samples_split min_weight_fraction_leaf monotonic_cst random_state splitter
ExtraTreesClassifier: bootstrap ccp_alpha class_weight criterion max_depth max_features
    max_leaf_nodes max_samples min_impurity_decrease min_samples_leaf min_samples_split
    min_weight_fraction_leaf monotonic_cst n_estimators n_jobs oob_score random_state verbose
    warm_start
ExtraTreesRegressor: bootstrap ccp_alpha criterion max_depth max_features max_leaf_nodes
    max_samples min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf
    monotonic_cst n_estimators n_jobs oob_score random_state verbose warm_start
FactorAnalysis: copy iterated_power max_iter n_components noise_variance_init random_state rotation
    svd_method tol
FastICA: algorithm fun fun_args max_iter n_components random_state tol w_init whiten whiten_solver
FeatureAgglomeration: compute_distances compute_full_tree connectivity distance_threshold linkage
    memory metric n_clusters pooling_func
FeatureHasher: alternate_sign dtype input_type n_features
FeatureUnion: n_jobs transformer_list transformer_weights verbose verbose_feature_names_out
FixedThresholdClassifier: estimator pos_label response_method threshold
FrozenEstimator: estimator
FunctionTransformer: accept_sparse check_inverse feature_names_out func inv_kw_args inverse_func
    kw_args validate
GammaRegressor: alpha fit_intercept max_iter solver tol verbose warm_start
GaussianMixture: covariance_type init_params max_iter means_init n_components n_init
    precisions_init random_state reg_covar tol verbose verbose_interval warm_start weights_init
GaussianNB: priors var_smoothing
GaussianProcessClassifier: copy_X_train kernel max_iter_predict multi_class n_jobs
    n_restarts_optimizer optimizer random_state warm_start
GaussianProcessRegressor: alpha copy_X_train kernel n_restarts_optimizer n_targets normalize_y
    optimizer random_state
GaussianRandomProjection: compute_inverse_components eps n_components random_state
GenericUnivariateSelect: mode param score_func
GradientBoostingClassifier: ccp_alpha criterion init learning_rate loss max_depth max_features
    max_leaf_nodes min_impurity_decrease min_samples_leaf min_samples_split
    min_weight_fraction_leaf n_estimators n_iter_no_change random_state subsample tol
    validation_fraction verbose warm_start
GradientBoostingRegressor: alpha ccp_alpha criterion init learning_rate loss max_depth max_features
    max_leaf_nodes min_impurity_decrease min_samples_leaf min_samples_split
    min_weight_fraction_leaf n_estimators n_iter_no_change random_state subsample tol
    validation_fraction verbose warm_start
GraphicalLasso: alpha assume_centered covariance enet_tol eps max_iter mode tol verbose
GraphicalLassoCV: alphas assume_centered cv enet_tol eps max_iter mode n_jobs n_refinements tol
    verbose
GridSearchCV: cv error_score estimator n_jobs param_grid pre_dispatch refit return_train_score
    scoring verbose
GroupKFold: n_splits random_state shuffle
GroupShuffleSplit: n_splits random_state test_size train_size
HalfBinomialLoss: device sample_weight xp
HalfGammaLoss: device sample_weight xp
HalfMultinomialLoss: device n_classes sample_weight xp
HalfPoissonLoss: device sample_weight xp
HalfSquaredError: device sample_weight xp
HalfTweedieLoss: device power sample_weight xp
HalfTweedieLossIdentity: device power sample_weight xp
HalvingGridSearchCV: aggressive_elimination cv error_score estimator factor max_resources
    min_resources n_jobs param_grid random_state refit resource return_train_score scoring verbose
HalvingRandomSearchCV: aggressive_elimination cv error_score estimator factor max_resources
    min_resources n_candidates n_jobs param_distributions random_state refit resource
    return_train_score scoring verbose
HashingVectorizer: alternate_sign analyzer binary decode_error dtype encoding input lowercase
    n_features ngram_range norm preprocessor stop_words strip_accents token_pattern tokenizer
HDBSCAN: algorithm allow_single_cluster alpha cluster_selection_epsilon cluster_selection_method
    copy leaf_size max_cluster_size metric metric_params min_cluster_size min_samples n_jobs
    store_centers
HistGradientBoostingClassifier: categorical_features class_weight early_stopping interaction_cst
    l2_regularization learning_rate loss max_bins max_depth max_features max_iter max_leaf_nodes
    min_samples_leaf monotonic_cst n_iter_no_change random_state scoring tol validation_fraction
    verbose warm_start
HistGradientBoostingRegressor: categorical_features early_stopping interaction_cst
    l2_regularization learning_rate loss max_bins max_depth max_features max_iter max_leaf_nodes
    min_samples_leaf monotonic_cst n_iter_no_change quantile random_state scoring tol
    validation_fraction verbose warm_start
HuberLoss: delta device quantile sample_weight xp
HuberRegressor: alpha epsilon fit_intercept max_iter tol warm_start
Hyperparameter: bounds fixed n_elements name value_type
_ImputerTriplet: estimator feat_idx neighbor_feat_idx
IncrementalPCA: batch_size copy n_components whiten
Interval: high high_inclusive low low_inclusive
IsolationForest: bootstrap contamination max_features max_samples n_estimators n_jobs random_state
    verbose warm_start
Isomap: eigen_solver max_iter metric metric_params n_components n_jobs n_neighbors
    neighbors_algorithm p path_method radius tol
IsotonicRegression: increasing out_of_bounds y_max y_min
IterativeImputer: add_indicator estimator fill_value imputation_order initial_strategy
    keep_empty_features max_iter max_value min_value missing_values n_nearest_features random_state
    sample_posterior skip_complete tol verbose
KBinsDiscretizer: dtype encode n_bins quantile_method random_state strategy subsample
KernelDensity: algorithm atol bandwidth breadth_first kernel leaf_size metric metric_params rtol
KernelPCA: alpha coef0 copy_X degree eigen_solver fit_inverse_transform gamma iterated_power kernel
    kernel_params max_iter n_components n_jobs random_state remove_zero_eig tol
KernelRidge: alpha coef0 degree gamma kernel kernel_params
KFold: n_splits random_state shuffle
KMeans: algorithm copy_x init max_iter n_clusters n_init random_state tol verbose
KNeighborsClassifier: algorithm leaf_size metric metric_params n_jobs n_neighbors p weights
KNeighborsRegressor: algorithm leaf_size metric metric_params n_jobs n_neighbors p weights
KNeighborsTransformer: algorithm leaf_size metric metric_params mode n_jobs n_neighbors p
KNNImputer: add_indicator copy keep_empty_features metric missing_values n_neighbors weights
LabelBinarizer: neg_label pos_label sparse_output
LabelPropagation: gamma kernel max_iter n_jobs n_neighbors tol
LabelSpreading: alpha gamma kernel max_iter n_jobs n_neighbors tol
Lars: copy_X eps fit_intercept fit_path jitter n_nonzero_coefs precompute random_state verbose
LarsCV: copy_X cv eps fit_intercept max_iter max_n_alphas n_jobs precompute verbose
Lasso: alpha copy_X fit_intercept max_iter positive precompute random_state selection tol
    warm_start
LassoCV: alphas copy_X cv eps fit_intercept max_iter n_alphas n_jobs positive precompute
    random_state selection tol verbose
LassoLars: alpha copy_X eps fit_intercept fit_path jitter max_iter positive precompute random_state
    verbose
LassoLarsCV: copy_X cv eps fit_intercept max_iter max_n_alphas n_jobs positive precompute verbose
LassoLarsIC: copy_X criterion eps fit_intercept max_iter noise_variance positive precompute verbose
LatentDirichletAllocation: batch_size doc_topic_prior evaluate_every learning_decay learning_method
    learning_offset max_doc_update_iter max_iter mean_change_tol n_components n_jobs perp_tol
    random_state topic_word_prior total_samples verbose
LeavePGroupsOut: n_groups
LeavePOut: p
LedoitWolf: assume_centered block_size store_precision
LinearDiscriminantAnalysis: covariance_estimator n_components priors shrinkage solver
    store_covariance tol
LinearRegression: copy_X fit_intercept n_jobs positive tol
LinearSVC: C class_weight dual fit_intercept intercept_scaling loss max_iter multi_class penalty
    random_state tol verbose
LinearSVR: C dual epsilon fit_intercept intercept_scaling loss max_iter random_state tol verbose
LocallyLinearEmbedding: eigen_solver hessian_tol max_iter method modified_tol n_components n_jobs
    n_neighbors neighbors_algorithm random_state reg tol
LocalOutlierFactor: algorithm contamination leaf_size metric metric_params n_jobs n_neighbors
    novelty p
LogisticRegression: C class_weight dual fit_intercept intercept_scaling l1_ratio max_iter
    multi_class n_jobs penalty random_state solver tol verbose warm_start
LogisticRegressionCV: class_weight Cs cv dual fit_intercept intercept_scaling l1_ratios max_iter
    multi_class n_jobs penalty random_state refit scoring solver tol use_legacy_attributes verbose
make_column_selector: dtype_exclude dtype_include pattern
Matern: length_scale length_scale_bounds nu
MaxAbsScaler: clip copy
MDS: dissimilarity eps init max_iter metric metric_mds metric_params n_components n_init n_jobs
    normalized_stress random_state verbose
MeanShift: bandwidth bin_seeding cluster_all max_iter min_bin_freq n_jobs seeds
MetadataRequest: owner
MethodMetadataRequest: method owner requests
MinCovDet: assume_centered random_state store_precision support_fraction
MiniBatchDictionaryLearning: alpha batch_size callback dict_init fit_algorithm max_iter
    max_no_improvement n_components n_jobs positive_code positive_dict random_state shuffle
    split_sign tol transform_algorithm transform_alpha transform_max_iter transform_n_nonzero_coefs
    verbose
MiniBatchKMeans: batch_size compute_labels init init_size max_iter max_no_improvement n_clusters
    n_init random_state reassignment_ratio tol verbose
MiniBatchNMF: alpha_H alpha_W batch_size beta_loss forget_factor fresh_restarts
    fresh_restarts_max_iter init l1_ratio max_iter max_no_improvement n_components random_state tol
    transform_max_iter verbose
MiniBatchSparsePCA: alpha batch_size callback max_iter max_no_improvement method n_components
    n_jobs random_state ridge_alpha shuffle tol verbose
MinMaxScaler: clip copy feature_range
MissingIndicator: error_on_new features missing_values sparse
MLPClassifier: activation alpha batch_size beta_1 beta_2 early_stopping epsilon hidden_layer_sizes
    learning_rate learning_rate_init max_fun max_iter momentum n_iter_no_change nesterovs_momentum
    power_t random_state shuffle solver tol validation_fraction verbose warm_start
MLPRegressor: activation alpha batch_size beta_1 beta_2 early_stopping epsilon hidden_layer_sizes
    learning_rate learning_rate_init loss max_fun max_iter momentum n_iter_no_change
    nesterovs_momentum power_t random_state shuffle solver tol validation_fraction verbose
    warm_start
MultiLabelBinarizer: classes sparse_output
_MultimetricScorer: raise_exc scorers
MultinomialNB: alpha class_prior fit_prior force_alpha
MultiOutputClassifier: estimator n_jobs
MultiOutputRegressor: estimator n_jobs
MultiTaskElasticNet: alpha copy_X fit_intercept l1_ratio max_iter random_state selection tol
    warm_start
MultiTaskElasticNetCV: alphas copy_X cv eps fit_intercept l1_ratio max_iter n_alphas n_jobs
    random_state selection tol verbose
MultiTaskLasso: alpha copy_X fit_intercept max_iter random_state selection tol warm_start
MultiTaskLassoCV: alphas copy_X cv eps fit_intercept max_iter n_alphas n_jobs random_state
    selection tol verbose
NearestCentroid: metric priors shrink_threshold
NearestNeighbors: algorithm leaf_size metric metric_params n_jobs n_neighbors p radius
NeighborhoodComponentsAnalysis: callback init max_iter n_components random_state tol verbose
    warm_start
NMF: alpha_H alpha_W beta_loss init l1_ratio max_iter n_components random_state shuffle solver tol
    verbose
Normalizer: copy norm
NuSVC: break_ties cache_size class_weight coef0 decision_function_shape degree gamma kernel
    max_iter nu probability random_state shrinking tol verbose
NuSVR: C cache_size coef0 degree gamma kernel max_iter nu shrinking tol verbose
Nystroem: coef0 degree gamma kernel kernel_params n_components n_jobs random_state
OAS: assume_centered store_precision
OneClassSVM: cache_size coef0 degree gamma kernel max_iter nu shrinking tol verbose
OneHotEncoder: categories drop dtype feature_name_combiner handle_unknown max_categories
    min_frequency sparse_output
OneVsOneClassifier: estimator n_jobs
OneVsRestClassifier: estimator n_jobs verbose
OPTICS: algorithm cluster_method eps leaf_size max_eps memory metric metric_params min_cluster_size
    min_samples n_jobs p predecessor_correction xi
OrdinalEncoder: categories dtype encoded_missing_value handle_unknown max_categories min_frequency
    unknown_value
OrthogonalMatchingPursuit: fit_intercept n_nonzero_coefs precompute tol
OrthogonalMatchingPursuitCV: copy cv fit_intercept max_iter n_jobs verbose
OutputCodeClassifier: code_size estimator n_jobs random_state
PairwiseKernel: gamma gamma_bounds metric pairwise_kernels_kwargs
PassiveAggressiveClassifier: average C class_weight early_stopping fit_intercept loss max_iter
    n_iter_no_change n_jobs random_state shuffle tol validation_fraction verbose warm_start
PassiveAggressiveRegressor: average C early_stopping epsilon fit_intercept loss max_iter
    n_iter_no_change random_state shuffle tol validation_fraction verbose warm_start
_PassthroughScorer: estimator
PatchExtractor: max_patches patch_size random_state
PCA: copy iterated_power n_components n_oversamples power_iteration_normalizer random_state
    svd_solver tol whiten
Perceptron: alpha class_weight early_stopping eta0 fit_intercept l1_ratio max_iter n_iter_no_change
    n_jobs penalty random_state shuffle tol validation_fraction verbose warm_start
PinballLoss: device quantile sample_weight xp
Pipeline: memory steps transform_input verbose
PLSCanonical: algorithm copy max_iter n_components scale tol
PLSRegression: copy max_iter n_components scale tol
PLSSVD: copy n_components scale
PoissonRegressor: alpha fit_intercept max_iter solver tol verbose warm_start
PolynomialCountSketch: coef0 degree gamma n_components random_state
PolynomialFeatures: degree include_bias interaction_only order
PowerTransformer: copy method standardize
PredefinedSplit: test_fold
Product: k1 k2
QuadraticDiscriminantAnalysis: covariance_estimator priors reg_param shrinkage solver
    store_covariance tol
QuantileRegressor: alpha fit_intercept quantile solver solver_options
QuantileTransformer: copy ignore_implicit_zeros n_quantiles output_distribution random_state
    subsample
RadiusNeighborsClassifier: algorithm leaf_size metric metric_params n_jobs outlier_label p radius
    weights
RadiusNeighborsRegressor: algorithm leaf_size metric metric_params n_jobs p radius weights
RadiusNeighborsTransformer: algorithm leaf_size metric metric_params mode n_jobs p radius
RandomForestClassifier: bootstrap ccp_alpha class_weight criterion max_depth max_features
    max_leaf_nodes max_samples min_impurity_decrease min_samples_leaf min_samples_split
    min_weight_fraction_leaf monotonic_cst n_estimators n_jobs oob_score random_state verbose
    warm_start
RandomForestRegressor: bootstrap ccp_alpha criterion max_depth max_features max_leaf_nodes
    max_samples min_impurity_decrease min_samples_leaf min_samples_split min_weight_fraction_leaf
    monotonic_cst n_estimators n_jobs oob_score random_state verbose warm_start
RandomizedSearchCV: cv error_score estimator n_iter n_jobs param_distributions pre_dispatch
    random_state refit return_train_score scoring verbose
RandomTreesEmbedding: max_depth max_leaf_nodes min_impurity_decrease min_samples_leaf
    min_samples_split min_weight_fraction_leaf n_estimators n_jobs random_state sparse_output
    verbose warm_start
RANSACRegressor: estimator is_data_valid is_model_valid loss max_skips max_trials min_samples
    random_state residual_threshold stop_n_inliers stop_probability stop_score
RationalQuadratic: alpha alpha_bounds length_scale length_scale_bounds
RBF: length_scale length_scale_bounds
RBFSampler: gamma n_components random_state
RegressorChain: base_estimator cv estimator order random_state verbose
_RemainderColsList: columns future_dtype warning_enabled warning_was_emitted
RepeatedKFold: n_repeats n_splits random_state
RepeatedStratifiedKFold: n_repeats n_splits random_state
RFE: estimator importance_getter n_features_to_select step verbose
RFECV: cv estimator importance_getter min_features_to_select n_jobs scoring step verbose
Ridge: alpha copy_X fit_intercept max_iter positive random_state solver tol
RidgeClassifier: alpha class_weight copy_X fit_intercept max_iter positive random_state solver tol
RidgeClassifierCV: alphas class_weight cv fit_intercept scoring store_cv_results store_cv_values
RidgeCV: alpha_per_target alphas cv fit_intercept gcv_mode scoring store_cv_results store_cv_values
RobustScaler: copy quantile_range unit_variance with_centering with_scaling
_Scorer: kwargs response_method score_func sign
SelectFdr: alpha score_func
SelectFpr: alpha score_func
SelectFromModel: estimator importance_getter max_features norm_order prefit threshold
SelectFwe: alpha score_func
SelectKBest: k score_func
SelectPercentile: percentile score_func
SelfTrainingClassifier: base_estimator criterion estimator k_best max_iter threshold verbose
SequentialFeatureSelector: cv direction estimator n_features_to_select n_jobs scoring tol
SGDClassifier: alpha average class_weight early_stopping epsilon eta0 fit_intercept l1_ratio
    learning_rate loss max_iter n_iter_no_change n_jobs penalty power_t random_state shuffle tol
    validation_fraction verbose warm_start
SGDOneClassSVM: average eta0 fit_intercept learning_rate max_iter nu power_t random_state shuffle
    tol verbose warm_start
SGDOptimizer: learning_rate_init lr_schedule momentum nesterov params power_t
SGDRegressor: alpha average early_stopping epsilon eta0 fit_intercept l1_ratio learning_rate loss
    max_iter n_iter_no_change penalty power_t random_state shuffle tol validation_fraction verbose
    warm_start
ShrunkCovariance: assume_centered shrinkage store_precision
ShuffleSplit: n_splits random_state test_size train_size
SimpleImputer: add_indicator copy fill_value keep_empty_features missing_values strategy
SkewedChi2Sampler: n_components random_state skewedness
SparseCoder: dictionary n_jobs positive_code split_sign transform_algorithm transform_alpha
    transform_max_iter transform_n_nonzero_coefs
SparsePCA: alpha max_iter method n_components n_jobs random_state ridge_alpha tol U_init V_init
    verbose
SparseRandomProjection: compute_inverse_components dense_output density eps n_components
    random_state
SpectralBiclustering: init method mini_batch n_best n_clusters n_components n_init n_svd_vecs
    random_state svd_method
SpectralClustering: affinity assign_labels coef0 degree eigen_solver eigen_tol gamma kernel_params
    n_clusters n_components n_init n_jobs n_neighbors random_state verbose
SpectralCoclustering: init mini_batch n_clusters n_init n_svd_vecs random_state svd_method
SpectralEmbedding: affinity eigen_solver eigen_tol gamma n_components n_jobs n_neighbors
    random_state
SplineTransformer: degree extrapolation handle_missing include_bias knots n_knots order
    sparse_output
StackingClassifier: cv estimators final_estimator n_jobs passthrough stack_method verbose
StackingRegressor: cv estimators final_estimator n_jobs passthrough verbose
StandardScaler: copy with_mean with_std
StratifiedGroupKFold: n_splits random_state shuffle
StratifiedKFold: n_splits random_state shuffle
StratifiedShuffleSplit: n_splits random_state test_size train_size
_SubsampleMetaSplitter: base_cv fraction random_state subsample_test
Sum: k1 k2
SVC: break_ties C cache_size class_weight coef0 decision_function_shape degree gamma kernel
    max_iter probability random_state shrinking tol verbose
SVR: C cache_size coef0 degree epsilon gamma kernel max_iter shrinking tol verbose
TargetEncoder: categories cv random_state shuffle smooth target_type
TfidfTransformer: norm smooth_idf sublinear_tf use_idf
TfidfVectorizer: analyzer binary decode_error dtype encoding input lowercase max_df max_features
    min_df ngram_range norm preprocessor smooth_idf stop_words strip_accents sublinear_tf
    token_pattern tokenizer use_idf vocabulary
TheilSenRegressor: copy_X fit_intercept max_iter max_subpopulation n_jobs n_subsamples random_state
    tol verbose
TimeSeriesSplit: gap max_train_size n_splits test_size
TransformedTargetRegressor: check_inverse func inverse_func regressor transformer
TreePredictor: binned_left_cat_bitsets nodes raw_left_cat_bitsets
TruncatedSVD: algorithm n_components n_iter n_oversamples power_iteration_normalizer random_state
    tol
TSNE: angle early_exaggeration init learning_rate max_iter method metric metric_params
    min_grad_norm n_components n_iter n_iter_without_progress n_jobs perplexity random_state
    verbose
TunedThresholdClassifierCV: cv estimator n_jobs random_state refit response_method scoring
    store_cv_results thresholds
TweedieRegressor: alpha fit_intercept link max_iter power solver tol verbose warm_start
VarianceThreshold: threshold
VotingClassifier: estimators flatten_transform n_jobs verbose voting weights
VotingRegressor: estimators n_jobs verbose weights
WhiteKernel: noise_level noise_level_bounds
"""


def _read(text: str) -> dict[str, frozenset[str]]:
    reviewed = {}
    # What is indented continues the line before it.
    for line in text.strip().replace("\n    ", " ").splitlines():
        cls, _, parameters = line.partition(":")
        reviewed[cls] = frozenset(parameters.split())
    return reviewed


REVIEWED = _read(_LIST)
"""The names of the parameters, by the name of the class."""
