"""Splink on a set of historical persons, by the settings of its own worked example, for `bench/identity.py --splink`.

Blocking rules, comparisons, training and the order of it are those that Splink's documentation has for this set
("Linking a dataset of real historical persons"); nothing is chosen by labels. Version 5.0.0 is meant; install it with
`pip install splink==5.0.0`.
"""

import time
import warnings

VERSION = "5.0.0"
# Clusters are taken at the first; the others are told beside it.
THRESHOLDS = [0.95, 0.5, 0.9, 0.99, 0.999]
DETERMINISTIC = [
    "l.first_name = r.first_name and l.surname = r.surname and l.dob = r.dob",
    "substr(l.first_name,1,2) = substr(r.first_name,1,2) and l.surname = r.surname "
    "and substr(l.postcode_fake,1,2) = substr(r.postcode_fake,1,2)",
    "l.dob = r.dob and l.postcode_fake = r.postcode_fake",
]
BLOCKS = [
    ("substr(first_name,1,3)", "substr(surname,1,4)"),
    ("surname", "dob"),
    ("first_name", "dob"),
    ("postcode_fake", "first_name"),
    ("postcode_fake", "surname"),
    ("dob", "birth_place"),
    ("substr(postcode_fake,1,3)", "dob"),
    ("substr(postcode_fake,1,3)", "first_name"),
    ("substr(postcode_fake,1,3)", "surname"),
    ("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
]


def settings():
    import splink.comparison_library as cl
    from splink import SettingsCreator, block_on

    names = cl.ForenameSurnameComparison("first_name", "surname", forename_surname_concat_col_name="both_names")
    return SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in BLOCKS],
        comparisons=[
            names,
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.PostcodeComparison("postcode_fake"),
            cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
        ],
        max_iterations=10,
        em_convergence=0.01,
    )


def clusters(rows):
    """The clusters of rows by threshold; the seconds of training, of scoring and of clustering at the first; and those
    of processors for all three."""
    warnings.filterwarnings("ignore")
    import duckdb
    import splink
    from splink import DuckDBAPI, Linker, block_on

    if splink.__version__ != VERSION:
        raise SystemExit(f"Splink {VERSION} is meant, and {splink.__version__} is installed")
    import pandas

    frame = pandas.DataFrame([{name: value or None for name, value in row.items()} for row in rows])
    frame["both_names"] = frame["first_name"] + " " + frame["surname"]
    begin, busy = time.monotonic(), time.process_time()
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    linker = Linker(DuckDBAPI(connection=connection).register(frame), settings(), log_level=None)
    linker.training.estimate_probability_two_random_records_match(DETERMINISTIC, recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=5e6, seed=1)
    for columns in (("first_name", "surname"), ("dob",)):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    trained = time.monotonic()
    pairs = linker.inference.predict(threshold_match_probability=min(THRESHOLDS))
    scored = time.monotonic()
    found, clustered = {}, 0
    for threshold in THRESHOLDS:
        told = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold)
        told = told.as_pandas_dataframe()
        if not found:
            clustered, busy = time.monotonic(), time.process_time() - busy
        found[threshold] = dict(zip(told["unique_id"], told["cluster_id"]))
    return found, (trained - begin, scored - trained, clustered - scored), busy
